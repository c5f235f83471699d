require "json"
require_relative "lib/prices"

# A shop. 😀
module Shop
  TAX = 1.19

  # Orders and what they cost.
  class OrdersController < ApplicationController
    before_action :authenticate

    def show
      order = find_order
      render json: { total: total(order) }
    end

    # The sum.
    def total(order)
      sum = order.lines.sum { |line| price(line) }
      with_tax(sum)
    end

    def self.build(repository)
      new(repository)
    end

    class << self
      def default = build(Repository.new)
    end

    private

    def find_order
      Order.find(order_params[:id])
    end

    def order_params
      params.require(:order).permit(:id)
    end

    def price(line)
      line&.price || 0
    end
  end

  module_function

  def with_tax(amount)
    amount * TAX
  end
end

def main
  Shop::OrdersController.build(nil)
end
