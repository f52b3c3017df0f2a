"""The rules that both halves share: `model` has the values, `decide` has every decision. No I/O, no clock.

How a roll is decided, in one screen. A *service* wants `desired_count` tasks of one revision. Each change of that
wish begins a *deployment*; the newest is the PRIMARY one, older ones are leaving. A control loop (or the planner, for
a deploy that has not begun) takes a *snapshot* (`decide.state`) and asks `decide.rollout.next_actions` what to do now:

    kept      tasks of the PRIMARY deployment that have not been told to stop
    outgoing  tasks of older deployments that still run
    leaving   tasks that were told to stop and still hold their memory
    floor     minimumHealthyPercent of desired, rounded up: this many tasks must stay healthy
    ceiling   maximumPercent of desired, rounded down: no more tasks than this may hold memory at once

    start     min(desired - kept, ceiling - (kept + outgoing + leaving)) tasks, each where `decide.placement` says;
              none while `decide.backoff` says to wait, or when no instance has room (the event says why, per instance)
    stop      outgoing tasks, unhealthy ones first, as long as the healthy ones left are not fewer than the floor
    complete  when kept = desired, all of them healthy, and nothing is outgoing or leaving (`decide.progress`)
    fail      when `decide.breaker` has counted too many failed tasks; then roll back, if the service says so

Stop-first (floor 0, ceiling desired) lets a full cluster deploy: one task, 0/100: stop it, wait until its memory is
free, start the new one. Start-first (100/200) needs a free slot and never serves less: start the new one, wait until
it is healthy, stop the old one. Every action carries a `why`, and applying one twice does no more than once; so a
crash between any two of them is healed by the next look at what is.
"""
