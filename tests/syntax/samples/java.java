package shop.orders;

import java.util.List;
import static shop.Prices.withTax;
import shop.db.*;

/**
 * Orders and what they cost. 😀
 */
@RestController
@RequestMapping("/orders")
public class OrderController extends Base implements Priced {
    private final Repository repository;

    public OrderController(Repository repository) {
        this.repository = repository;
    }

    /** The sum. */
    @GetMapping("/{id}/total")
    public double total(@PathVariable long id) throws NotFound {
        Order order = load(id);
        return withTax(order.lines().stream().mapToDouble(this::price).sum());
    }

    private Order load(long id) {
        return repository.findById(id).orElseThrow(() -> new NotFound(id));
    }

    double price(Line line) {
        return this.rounded(line.price());
    }

    private static double rounded(double value) { return Math.round(value); }

    record Line(String name, double price) {
        Line {
            Objects.requireNonNull(name);
        }
    }

    enum Status {
        OPEN, PAID;

        boolean isDone() { return this == PAID; }
    }

    @interface Audited {
        String value();
    }
}

interface Priced {
    double total(long id) throws NotFound;

    default String label() { return "priced"; }
}
