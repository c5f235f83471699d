package shop.orders

import kotlinx.coroutines.launch
import shop.db.*

/**
 * Orders and what they cost. 😀
 */
@Service
class OrderService(private val repository: Repository) : Base(), Priced {
    private val tax: Double
        get() = rate("tax")

    /** The sum. */
    @Transactional
    override suspend fun total(id: Long): Double {
        val order = load(id) ?: throw Missing(id)
        launch { audit(order) }
        return withTax(order.lines.sumOf { it.price })
    }

    private fun load(id: Long): Order? = repository.find(id)?.checked()

    private fun rate(name: String): Double {
        return 1.19
    }

    private fun withTax(amount: Double) = this.rounded(amount * tax)

    private fun rounded(value: Double) = value

    companion object {
        fun make(): OrderService = OrderService(Repository())
    }
}

interface Priced {
    suspend fun total(id: Long): Double

    fun label(): String = "priced"
}

enum class Status { OPEN, PAID }

object Start {
    fun run() {
        OrderService.make()
        audit(null)
    }
}

data class Line(val name: String, val price: Double)

fun audit(order: Order?) = println(order)

fun Order.checked(): Order = this
