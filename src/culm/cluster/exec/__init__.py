"""ECS Exec in the cluster: the operation, its sessions, and the stream between a websocket and a terminal."""
