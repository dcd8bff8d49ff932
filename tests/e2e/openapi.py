"""Holds answers of /api/v1 against web/openapi.json: what the document does
not know, or knows otherwise, is an error."""
import json
import os

from jsonschema import Draft202012Validator, RefResolver

SOURCE = os.environ["SWARM_TEST_SOURCE"]


class Document:
    def __init__(self):
        with open(os.path.join(SOURCE, "web", "openapi.json")) as f:
            self.document = json.load(f)
        self.resolver = RefResolver("", self.document)
        self.seen = set()

    def operation(self, path, method="get"):
        return self.document["paths"][path][method]

    def fits(self, schema, value, what):
        validator = Draft202012Validator(schema, resolver=self.resolver)
        errors = sorted(validator.iter_errors(value), key=str)
        assert not errors, f"{what}: " + "; ".join(
            f"{'/'.join(map(str, e.absolute_path))}: {e.message[:300]}"
            for e in errors[:5])

    def answer(self, method, path, status, text):
        """An answer as the document has it: of this status, and with a body
        of that form.  Returns the body."""
        path = path.split("?")[0]
        responses = self.operation(path, method.lower())["responses"]
        assert str(status) in responses, f"{method} {path}: {status}, {text}"
        body = json.loads(text)
        self.fits(responses[str(status)]["content"]["application/json"]
                  ["schema"], body, f"{method} {path}, {status}")
        self.seen.add((method, path, status))
        return body

    def message(self, text):
        body = json.loads(text)
        self.fits({"$ref": "#/components/schemas/Message"}, body, "message")
        return body
