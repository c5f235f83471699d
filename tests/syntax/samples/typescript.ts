import express, { Router } from "express";
import type { Pool } from "./db";
export * from "./errors";

const router = Router();

/**
 * Orders 😀 and what they cost.
 */
@Injectable({ scope: "request" })
export class OrderService extends Base<Order> implements Priced {
  private readonly cache = new Map<string, number>();

  constructor(private readonly pool: Pool) {
    super();
  }

  /** The sum, taxes included. */
  @Get("/total")
  async total(orders: Order[]): Promise<number> {
    let sum = 0;
    for (const order of orders) {
      sum += await this.price(order); // one query a turn
    }
    return withTax(sum);
  }

  price = async (order: Order) => {
    const found = await this.pool.query<Row>(`select price from items where id = ${order.id}`);
    return found.rows[0]!.price;
  };

  static make(pool: Pool) { return new OrderService(pool); }
}

export interface Priced {
  total(orders: Order[]): Promise<number>;
}

type Row = { price: number };

enum Currency { Euro, Dollar }

export const withTax = (amount: number): number => amount * 1.19;

namespace Reports {
  export function monthly(): void {
    OrderService.make(pool)?.total([]);
  }
}

export const list = asyncHandler(async (request, response) => {
  response.json(withTax(1));
});

exports.legacy = function () {
  const lazy = require("./lazy");
  return Reports.monthly();
};
