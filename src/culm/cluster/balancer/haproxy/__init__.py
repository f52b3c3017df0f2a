"""HAProxy as the data plane: rules by generated file and reload, targets by its runtime socket.

`plane` drives it; `render` and `words` are pure; `console` speaks to its sockets; `binary` finds it; `ports` says who
has a port.
"""
