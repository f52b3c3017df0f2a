"""Instances drawn to scale: a pixel is as many MiB in each of them."""

from collections.abc import Sequence

import htpy
from htpy import Element, Node, a, div, p, span

from culm.core.model.record import record
from culm.operate.snapshot.records import Instance, Room, Snapshot, Task
from culm.web.views.parts import ident, panel

TALL, LOW = 34, 14
"""Pixels of a bar; the ticks are under it. A low one has no names: those are shown to whoever points at a box."""
MANY = 12
"""Instances from which on bars are low, and several stand in a row."""
NARROWEST = 0.4
"""Per cent of the picture's width below which a box is not drawn."""


@record
class _Scale:
    """What all bars of a page have in common."""

    largest: int
    """MiB of the widest."""
    slot: int
    """MiB between two ticks; 0: there are none."""
    tall: int

    def part(self, memory: float) -> float:
        """Return so many MiB in per cent of the picture's width."""
        return 100 * memory / self.largest


def instances(snapshot: Snapshot) -> Element:
    """Draw one bar an instance. A box is a task's limit, the fill what it uses, the thin line its peak."""
    if not snapshot.instances:
        return panel("Instances", div(".empty")["No instance is registered with the cluster."])
    many = len(snapshot.instances) > MANY
    scale = _Scale(
        largest=max(instance.memory for instance in snapshot.instances) or 1,
        slot=snapshot.room.memory if snapshot.room else 0,
        tall=LOW if many else TALL,
    )
    living: dict[str, list[Task]] = {}
    for task in snapshot.running:
        living.setdefault(task.instance, []).append(task)
    free = sum(each.free for each in snapshot.instances)
    return panel(
        "Instances",
        HATCH,
        div(class_="instances many" if many else "instances")[
            (instance_bar(each, living.get(each.name, ()), scale) for each in snapshot.instances)
        ],
        p(".fits")[fits(snapshot.room)] if snapshot.room else None,
        note=f"{f'{len(snapshot.instances)} instances, ' if many else ''}{free:,} of "
        f"{sum(each.memory for each in snapshot.instances):,} MiB free",
    )


foreign_object = Element("foreignObject")
"""HTML within a drawing: it cuts a long name with an ellipsis, which SVG's text cannot."""
HATCH = htpy.svg(".defs", width="0", height="0", aria_hidden="true")[
    htpy.defs[
        htpy.pattern(id="hatch", width="6", height="6", patternUnits="userSpaceOnUse", patternTransform="rotate(45)")[
            htpy.rect(width="2", height="6")
        ]
    ]
]
"""What a task that starts is filled with."""
SHOWN = 4


def fits(room: Room) -> Node:
    """Say whether one more fits: `one more 256 MiB task fits: yes, on #1 or #2`."""
    names = room.instances
    where = (
        f"{' or '.join(names)}" if len(names) <= SHOWN else f"{', '.join(names[:SHOWN])} or {len(names) - SHOWN} more"
    )
    return (
        f"one more {room.memory} MiB task fits: ",
        span(class_="strong" if names else "strong is-wrong")[f"yes, on {where}" if names else "no"],
        not names and " · a deploy then has to stop a task before it starts the new one",
    )


def instance_bar(instance: Instance, tasks: Sequence[Task], scale: _Scale) -> Element:
    mine = sorted(tasks, key=lambda task: (task.kind != "service", task.service, task.created_at or 0.0))
    notes = [] if instance.connected else ["does not answer"]
    notes += [] if instance.status == "ACTIVE" else [instance.status.lower()]
    return div(class_="instance is-wrong" if notes else "instance")[
        div(".who")[
            span(".strong")[instance.name],
            " ",
            instance.type,
            " ",
            span(".muted")[instance.zone],
            notes and span(".is-wrong")[" ▲ ", ", ".join(notes)],
            span(".grow"),
            ident(instance.id, shown=instance.id[:10]) if scale.tall == TALL else None,
            span(".muted.size")[f"{instance.memory:,} MiB" if scale.tall == TALL else f"{instance.free:,} MiB free"],
        ],
        _bar(instance, mine, scale),
    ]


def _bar(instance: Instance, tasks: Sequence[Task], scale: _Scale) -> Element:
    at, boxes, tall = 0.0, [], str(scale.tall)
    for task in tasks:
        wide = scale.part(task.memory or 0)
        if wide >= NARROWEST:
            boxes.append(_box(task, at, wide, scale.tall))
        at += wide
    end = scale.part(instance.memory)
    unseen = max(end - at - scale.part(instance.free), 0.0)
    free = max(end - at - unseen, 0.0)
    words = ", ".join(f"{task.service or task.group} {task.memory} MiB" for task in tasks) or "no tasks"
    return htpy.svg(
        ".membar",
        width="100%",
        height=str(scale.tall + 12 if scale.slot else scale.tall + 4),
        role="group",
        aria_label=f"{instance.name}: {words}, {instance.free} MiB free",
    )[
        htpy.rect(class_="whole", x="0", y="1", width=f"{end:.2f}%", height=tall),
        unseen > NARROWEST
        and htpy.rect(class_="unseen", x=f"{at:.2f}%", y="1", width=f"{unseen:.2f}%", height=tall)[
            htpy.title["reserved by tasks that are not listed"]
        ],
        boxes,
        free > 6
        and scale.tall == TALL
        and htpy.svg(x=f"{at + unseen:.2f}%", y="1", width=f"{free:.2f}%", height=tall)[
            htpy.text(class_="free", x="50%", y="21", text_anchor="middle")[f"free {instance.free:,} MiB"]
        ],
        _ticks(instance, scale) if scale.slot else None,
    ]


def _box(task: Task, at: float, wide: float, tall: int) -> Node:
    name = task.service or task.group.partition(":")[2]
    kind = "migration" if task.kind == "migration" else ""
    used = f"{task.memory_used}/{task.memory}" if task.memory_used is not None else f"{task.memory}"
    stopping = task.desired_status == "STOPPED"
    look = "stopping" if stopping else "running" if task.status == "RUNNING" else "pending"
    near = task.memory_used is not None and task.memory and task.memory_used >= 0.9 * task.memory
    words = f"{name} {kind} {task.revision}: {task.status.lower()}, {used} MiB"
    part = 100 * (task.memory_used or 0) / (task.memory or 1)
    peak = min(100 * (task.memory_peak or 0) / (task.memory or 1), 99.5)
    named = tall == TALL
    deep = 9 if named else tall - 1
    """Pixels of the fill."""
    return a(href=f"/services/{task.service}" if task.service else "/tasks", aria_label=words)[
        htpy.svg(class_=f"box {look}", x=f"{at:.2f}%", y="1", width=f"{wide:.2f}%", height=str(tall))[
            htpy.title[words],
            htpy.rect(class_="limit", x="0.5", y="0.5", width="100%", height=str(tall - 1)),
            look == "pending" and htpy.rect(class_="coming", width="100%", height=str(tall), fill="url(#hatch)"),
            task.memory_used is not None
            and htpy.rect(
                class_="used near" if near else "used",
                x="1",
                y=str(tall - 1 - deep),
                width=f"{part:.1f}%",
                height=str(deep),
            ),
            named
            and task.memory_peak is not None
            and htpy.line(class_="peak", y1=str(tall - 12), y2=str(tall - 1), x1=f"{peak:.1f}%", x2=f"{peak:.1f}%"),
            named
            and foreign_object(x="0", y="1", width="100%", height="20")[
                div(".name")[f"{name}{' migration' if kind else ''}", span(".amount")[f" {used}"]]
            ],
        ]
    ]


def _ticks(instance: Instance, scale: _Scale) -> Node:
    """Return a mark under the bar for every slot: so many tasks of the usual size fit on it."""
    marks = "".join(f"M{scale.slot * n} 0v5" for n in range(1, instance.memory // scale.slot + 1))
    return htpy.svg(
        y=str(scale.tall + 3), width="100%", height="5", viewBox=f"0 0 {scale.largest} 5", preserveAspectRatio="none"
    )[htpy.path(class_="tick", d=marks)]
