<?php

namespace App\Http;

use App\Models\Order;
use function App\with_tax;

require_once __DIR__ . '/prices.php';

/**
 * Orders and what they cost. 😀
 */
#[Route('/orders')]
final class OrderController extends Controller implements Priced
{
    use Audited;

    public function __construct(private Repository $repository)
    {
    }

    /** The sum. */
    #[Get('/{id}/total')]
    public function total(int $id): float
    {
        $order = $this->load($id);
        $sum = array_sum(array_map(fn($it) => $it->price, $order->lines));
        return rounded(self::taxed($sum));
    }

    private function load(int $id): Order
    {
        return $this->repository->find($id) ?? throw new Missing($id);
    }

    private static function taxed(float $amount): float
    {
        return with_tax($amount);
    }
}

interface Priced
{
    public function total(int $id): float;
}

trait Audited
{
    public function audit(): void { logger()->info(static::class); }
}

enum Status: string
{
    case Open = 'open';

    public function label(): string { return ucfirst($this->value); }
}

function rounded(float $value): float
{
    return round($value, 2);
}

$handler = function (Request $request) {
    return (new OrderController($request->repository))->total(1);
};
