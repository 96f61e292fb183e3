"""Several nodes as one central system.

Each node holds its stations' sockets and runs the whole core for them. `bus` is what the nodes share: who is alive, which
station is on which node, and a stream of messages to each node. `members` keeps a node's part of that true, `sending`
brings a command to the node that holds its station, `receiving` takes it there.

What holds, whatever fails: a command is begun at most once, never after its deadline, and its caller is told how it
ended. One record in Redis decides: the node that delivers and the caller that gives up both have to change it, and only
the first one can.
"""
