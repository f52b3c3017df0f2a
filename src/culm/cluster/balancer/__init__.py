"""The load balancer: the loop that brings HAProxy to what is wished, the health prober, the counters."""
