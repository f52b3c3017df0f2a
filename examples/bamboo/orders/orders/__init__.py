"""Orders: what an account buys, at the prices that the catalog named when it did."""
