package shop

import (
	"context"
	"fmt"

	db "example.com/shop/db"
)

// Server answers requests. 😀
type Server struct {
	pool *db.Pool
}

// Store is where orders are kept.
type Store interface {
	Load(ctx context.Context, id int) (*Order, error)
}

type Status int

const retries = 3

// Total adds up what an order costs.
func (s *Server) Total(ctx context.Context, id int) (float64, error) {
	order, err := s.load(ctx, id)
	if err != nil {
		return 0, fmt.Errorf("load %d: %w", id, err)
	}
	go func() {
		audit(order)
	}()
	return withTax(order.Price), nil
}

func (s *Server) load(ctx context.Context, id int) (*Order, error) {
	return s.pool.Get(ctx, id)
}

type Stack[T any] struct{ items []T }

func (s *Stack[T]) Push(item T) { s.items = append(s.items, item) }

func withTax(amount float64) float64 {
	round := func(x float64) float64 {
		return x
	}
	return round(amount * 1.19)
}

var audit = func(order *Order) {}

func Map[T, U any](items []T, f func(T) U) []U {
	return nil
}
