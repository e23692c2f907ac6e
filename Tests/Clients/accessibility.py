"""A page as assistive technology sees it, by Chromium's accessibility tree."""

CLICKABLE = {"button", "link", "checkbox", "combobox", "textbox", "searchbox", "menuitem"}


class Node:
    """One node that is not ignored, with the text that a reader would say for it."""

    def __init__(self, raw, tree):
        self._raw = raw
        self._tree = tree
        self.role = raw.get("role", {}).get("value", "")
        self.name = raw.get("name", {}).get("value", "")
        self.dom_node = raw.get("backendDOMNodeId")
        self.is_ignored = raw.get("ignored", False)

    def children(self):
        """Its children, in order."""
        found = (self._tree.nodes.get(child) for child in self._raw.get("childIds", []))
        return [child for child in found if child is not None]

    def descendants(self):
        """All below it, in order."""
        for child in self.children():
            yield child
            yield from child.descendants()

    def text(self):
        """Its name, or what stands inside it."""
        if self.name:
            return self.name
        inside = (node.name for node in self.descendants() if node.role == "StaticText")
        return " ".join(" ".join(inside).split()).replace(" ,", ",")

    def state(self, name):
        """One property, such as `pressed`, `disabled` or `modal`."""
        for each in self._raw.get("properties", []):
            if each["name"] == name:
                return each["value"].get("value")
        return None


class AccessibilityTree:
    """One reading of the whole tree."""

    def __init__(self, browser):
        answer = browser.ask("Accessibility.getFullAXTree", {})
        self.nodes = {raw["nodeId"]: Node(raw, self) for raw in answer["nodes"]}

    def all(self, role=None):
        """The nodes of a role, in the tree's order."""
        return [
            node
            for node in self.nodes.values()
            if not node.is_ignored and role in (None, node.role)
        ]

    def find(self, role, name):
        """The first node of a role with exactly this name, or None."""
        return next((node for node in self.all(role) if node.name == name), None)

    def items(self, list_name):
        """The texts of a list, found by the beginning of its name; None without the list."""
        for found in self.all("list"):
            if found.name.startswith(list_name):
                return [node for node in found.descendants() if node.role == "listitem"]
        return None

    def unnamed(self):
        """The roles of those that can be used and say nothing."""
        return [node.role for node in self.all() if node.role in CLICKABLE and not node.name]
