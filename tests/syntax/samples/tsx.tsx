import React, { useState } from "react";
import { Cart } from "./Cart";

interface Props {
  orders: Order[];
}

/** One line of the cart. */
function Line({ order }: { order: Order }) {
  return <li className="line">{label(order)} 😀</li>;
}

const label = (order: Order): string => order.name;

export const Basket: React.FC<Props> = ({ orders }) => {
  const [open, setOpen] = useState(false);

  function toggle() {
    setOpen(!open);
  }

  return (
    <Cart onClick={toggle}>
      {orders.map((it) => (
        <Line key={it.id} order={it} />
      ))}
    </Cart>
  );
};

export const Fast = React.memo(function Quick() {
  return <Basket orders={[]} />;
});

export default class Page extends React.Component<Props> {
  state = { open: false };

  render() {
    return <Basket orders={this.props.orders} />;
  }
}
