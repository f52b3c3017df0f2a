"""What can go wrong between a deploy and AWS: answers that are given instead of AWS's own, and interruptions."""

import json
import signal
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.awsrequest import AWSResponse
from tests.amazon.permissions import refused
from tests.conftest import Raw

from culm.core.model.policies import Policy
from culm.deploy.lock import KEY
from culm.target.trace import Trace

READS = ("Describe", "Get", "List", "Head", "BatchGet", "BatchCheck", "Simulate")


@dataclass(frozen=True)
class Answer:
    """What AWS says instead: an error, or a body of its own."""

    code: str = ""
    message: str = ""
    status: int = 400
    body: str | None = None

    def written(self, protocol: str) -> bytes:
        if self.body is not None:
            return self.body.encode()
        if protocol in ("json", "smithy-rpc-v2-cbor"):
            return json.dumps({"__type": self.code, "message": self.message}).encode()
        inner = f"<Error><Code>{self.code}</Code><Message>{self.message}</Message></Error>"
        if protocol == "rest-xml":
            return inner.encode()
        if protocol == "ec2":
            return f"<Response><Errors>{inner}</Errors></Response>".encode()
        return f"<ErrorResponse>{inner}</ErrorResponse>".encode()


Rule = Callable[[str, int], Answer | None]
"""Given `ecs.CreateService` and how often that was sent, from 1; None: AWS itself answers. Retries are sent, too."""


class Wire(Trace):
    """A trace that also stands in the way: `rule` is asked before anything is sent."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self.rule: Rule | None = None
        self.interrupting = ""
        """The call whose answer is followed by Ctrl-C; empty: none."""
        self.policy: Policy | None = None
        """What the caller may do; None: everything. Each other call is answered AccessDenied, and sent nowhere."""
        self.sent: Counter[str] = Counter()
        self._counting = threading.Lock()

    def watch(self, client: Any) -> None:
        super().watch(client)
        service, protocol = client.meta.service_model.service_name, client.meta.service_model.resolved_protocol

        def send(request: Any, event_name: str, **_: Any) -> AWSResponse | None:
            if KEY in request.url:
                return None  # the lock's own calls have tests of their own
            call = f"{service}.{event_name.rpartition('.')[2]}"
            with self._counting:
                self.sent[call] += 1
                answer = self.rule(call, self.sent[call]) if self.rule else None
            if answer is None:
                return None
            return AWSResponse(request.url, answer.status, {}, Raw(answer.written(protocol)))

        def answered(event_name: str, **_: Any) -> None:
            if self.interrupting == f"{service}.{event_name.rpartition('.')[2]}":
                self.interrupting = ""
                signal.raise_signal(signal.SIGINT)

        def judge(params: Any, model: Any, context: Any, **_: Any) -> None:
            context["judged"] = {"service": service, "operation": model.name, "parameters": params}

        def permit(context: Any, **_: Any) -> tuple[AWSResponse, dict[str, Any]] | None:
            missing = refused([context["judged"]], self.policy) if self.policy is not None else []
            if not missing:
                return None
            error = {"Code": "AccessDenied", "Message": f"not authorized to perform: {', '.join(missing)}"}
            parsed = {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 403}}
            return AWSResponse("", 403, {}, Raw(b"")), parsed

        client.meta.events.register("before-parameter-build.*", judge)
        client.meta.events.register("before-call.*", permit)
        client.meta.events.register("before-send.*", send)
        client.meta.events.register("after-call.*", answered)

    def set(self, rule: Rule | None) -> None:
        self.sent.clear()
        self.rule = rule

    def interrupt(self, call: str) -> None:
        """Ctrl-C, just as this call has been answered."""
        self.sent.clear()
        self.interrupting = call
