"""What a reader of the board may ask for: messages from a page, checked like any stranger's."""

from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StringConstraints,
    TypeAdapter,
)

from tta_interactive.form import MAX_ANSWER, MAX_CHOICES, MAX_FIELDS
from tta_interactive.store import Look
from tta_interactive.task import TaskStatus

Text = Annotated[str, StringConstraints(max_length=4096)]
Name = Annotated[str, StringConstraints(max_length=64)]
Word = Annotated[str, StringConstraints(max_length=MAX_ANSWER)]
Words = Annotated[list[Word], Field(max_length=MAX_CHOICES)]
Value = StrictBool | StrictInt | StrictFloat | Word | Words
Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class View(_Message):
    """Which page of which tasks to show from now on."""

    type: Literal["view"] = "view"
    states: Annotated[tuple[TaskStatus, ...], Field(max_length=len(TaskStatus))] = ()
    kind: Text = ""
    owner: Text = ""
    workspace: Text = ""
    search: Annotated[str, StringConstraints(max_length=200)] = ""
    sort: Literal["submitted", "state", "label", "owner", "waited", "ran"] = "submitted"
    descending: bool = True
    page: Annotated[int, Field(ge=0, le=10**7)] = 0

    @property
    def keeps_places(self) -> bool:
        """Whether a task that moves stays where it stands on the page."""
        return self.sort in ("submitted", "label", "owner") and not self.states

    def look(self, size: int) -> Look:
        """The page as a store is asked for it."""
        return Look(
            statuses=self.states,
            kind=self.kind,
            owner=self.owner,
            workspace=self.workspace,
            search=self.search.strip(),
            sort=self.sort,
            descending=self.descending,
            limit=size,
            offset=self.page * size,
        )


class Cancel(_Message):
    """Ask a task to end."""

    type: Literal["cancel"]
    id: Id


class Retry(_Message):
    """Submit a task again as a new one."""

    type: Literal["retry"]
    id: Id


class Answer(_Message):
    """Answer the question of a task: a choice, a text, or the fields of a form as typed."""

    type: Literal["answer"]
    id: Id
    key: Id
    value: Word | Annotated[dict[Name, Value], Field(max_length=MAX_FIELDS)] | None
    """None: no answer."""


class Detail(_Message):
    """Tell more of a task than its row does."""

    type: Literal["detail"]
    id: Id


Message = Annotated[View | Cancel | Retry | Answer | Detail, Field(discriminator="type")]
MESSAGE: TypeAdapter[View | Cancel | Retry | Answer | Detail] = TypeAdapter(Message)
