"""The type `mapped`: no preset. Everything about its requests is in the source's own mapping."""

from aftercall.sources.mapped.type import Mapped

mapped = Mapped({})
