using System;
using static System.Math;
using Json = System.Text.Json;

namespace Shop.Orders;

/// <summary>Orders and what they cost. 😀</summary>
[ApiController]
[Route("orders")]
public class OrderController<T> : ControllerBase, IPriced
{
    private readonly IRepository repository;

    public OrderController(IRepository repository) => this.repository = repository;

    public string Label
    {
        get { return Format("orders"); }
    }

    /// <summary>The sum.</summary>
    [HttpGet("{id}/total")]
    public async Task<double> Total(long id)
    {
        var order = await Load(id);
        double Sum(Order it) => it.Lines.Sum(line => line.Price);
        return WithTax(Sum(order));
    }

    private Task<Order> Load(long id) => repository.FindAsync<Order>(id);

    private static string Format(string text) => text?.Trim();

    public static double WithTax(double amount)
    {
        return Round(amount * 1.19);
    }
}

public record Line(string Name, double Price);

public struct Money
{
    public double Amount;
}

public interface IPriced
{
    Task<double> Total(long id);
}

public enum Status { Open, Paid }

static class Start
{
    static void Main() => Console.WriteLine(OrderController<int>.WithTax(1));
}
