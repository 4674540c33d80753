"""The part of the Kusto query language that Azure Resource Graph needs for machines; strict, like the real one.

    run(text, tables) -> Table      tables maps names in lower case to Tables; QueryError says what Azure would say

Operators: where, project, extend, join (leftouter and inner, on columns), order by and sort by, limit and take, count.
Expressions: and, or, not(), comparisons of strings, numbers and booleans, paths into dynamic values, and the
functions of FUNCTIONS. As in Kusto, names of columns and members are compared with case, `order by` is descending
unless it says asc, dynamic values must become strings before they are sorted by or joined on, and a join
renames the right side's columns that the left has too (subscriptionId1).
Whatever else is in a query is refused. Not here: tables, pages, HTTP (graph.py).
"""

import json
import re

STRING, DYNAMIC, BOOL, NUMBER = "string", "dynamic", "bool", "number"
LITERAL = r"'(?:[^'\\\n\r]|\\.)*'|\"(?:[^\"\\\n\r]|\\.)*\"|@'(?:[^'\n\r]|'')*'|@\"(?:[^\"\n\r]|\"\")*\""
WORD = r"(?:mv|project)-[a-z]+|!?in~|!?[A-Za-z_][A-Za-z0-9_]*|\$(?:left|right)\b"
TOKEN = re.compile(rf"(?P<skip>\s+|//[^\n]*)|(?P<text>{LITERAL})|(?P<number>\d+(?:\.\d+)?(?![A-Za-z0-9_]))"
                   rf"|(?P<word>{WORD})|(?P<sign>[=!<>]=|[=!]~|[=<>()\[\],.|])", re.ASCII)
ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
ESCAPES = {"\\": "\\", "'": "'", '"': '"', "n": "\n", "t": "\t", "r": "\r", "0": "\0", "a": "\a", "b": "\b", "f": "\f",
           "v": "\v"}
NOT_RE2 = re.compile(r"\(\?(?:[=!>(#]|<[=!]|P[=>])|(?<!\\)(?:\\\\)*\\[1-9]|[*+?}]\+")
DEEPEST = 100
END = "<EOF>"


class QueryError(Exception):
    """Why a query is refused: the last of Azure's details, as a dict."""

    def __init__(self, code, message, **more):
        super().__init__(message)
        self.detail = {"code": code, "message": message, **more}


class Table:
    """columns maps names to types, rows are dicts."""

    def __init__(self, columns, rows):
        self.columns = columns
        self.rows = rows


class Token:
    def __init__(self, kind, text, line, column):
        self.kind = kind
        self.text = text
        self.line = line
        self.column = column

    def failure(self):
        return QueryError("ParserFailure", "ParserFailure", line=self.line, characterPositionInLine=self.column,
                          token=self.text)


def _tokens(text):
    found, at, line, begin = [], 0, 1, 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise Token("bad", text[at], line, at - begin).failure()
        if match.lastgroup != "skip":
            found.append(Token(match.lastgroup, match.group(), line, at - begin))
        elif "\n" in match.group():
            line += match.group().count("\n")
            begin = at + match.group().rindex("\n") + 1
        at = match.end()
    return [*found, Token("end", END, line, len(text) - begin)]


def _unquoted(token):
    """What a string literal means."""
    text = token.text
    if text[0] == "@":
        return text[2:-1].replace(text[1] * 2, text[1])

    def meant(match):
        digits = match[1] or match[2] or match[3]
        if digits is None and match[4] not in ESCAPES or digits and int(digits, 16) > 0x10FFFF:
            raise token.failure()
        return chr(int(digits, 16)) if digits else ESCAPES[match[4]]
    return ESCAPE.sub(meant, text[1:-1])


# --- values ---

def as_text(value):
    """tostring()."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _terms(a, b, flags):
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(b)}(?![A-Za-z0-9])", a, flags) is not None


def _folded(compare):
    return lambda a, b: compare(a.lower(), b.lower())


CASED = {"==": lambda a, b: a == b, "has": lambda a, b: _terms(a, b, 0), "contains": lambda a, b: b in a,
         "startswith": str.startswith, "endswith": str.endswith}
TEXT_OPERATORS = {"=~": _folded(CASED["=="]), "!~": lambda a, b: a.lower() != b.lower()}
for _name in ("has", "contains", "startswith", "endswith"):
    for _sign, _wanted in (("", True), ("!", False)):
        TEXT_OPERATORS[f"{_sign}{_name}"] = \
            lambda a, b, test=_folded(CASED[_name]), wanted=_wanted: test(a, b) is wanted
        TEXT_OPERATORS[f"{_sign}{_name}_cs"] = lambda a, b, test=CASED[_name], wanted=_wanted: test(a, b) is wanted
ORDERS = {"<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b}
LISTS = {"in": (False, True), "!in": (False, False), "in~": (True, True), "!in~": (True, False)}    # fold, wanted

# name -> (types of arguments, result, function); a function of any number of arguments has one type for all; the
# result None is the type that the last two arguments share
SCALAR = (STRING, DYNAMIC, BOOL, NUMBER)
FUNCTIONS = {
    "tostring": ([SCALAR], STRING, as_text),
    "tolower": ([(STRING,)], STRING, str.lower),
    "toupper": ([(STRING,)], STRING, str.upper),
    "isempty": ([SCALAR], BOOL, lambda a: as_text(a) == ""),
    "isnotempty": ([SCALAR], BOOL, lambda a: as_text(a) != ""),
    "isnull": ([SCALAR], BOOL, lambda a: a is None),
    "isnotnull": ([SCALAR], BOOL, lambda a: a is not None),
    "not": ([(BOOL,)], BOOL, lambda a: not a),
    "iff": ([(BOOL,), SCALAR, SCALAR], None, lambda test, a, b: a if test else b),
    "iif": ([(BOOL,), SCALAR, SCALAR], None, lambda test, a, b: a if test else b),
    "coalesce": (SCALAR, None, lambda *values: next((v for v in values if v not in (None, "")), values[-1])),
    "strcat": (SCALAR, STRING, lambda *all_of_them: "".join(map(as_text, all_of_them))),
}
KEEP_NAME = ("tostring", "tolower", "toupper")      # functions whose result is called like their argument


class Expression:
    """Type, value(row), and the name of its column where a project gives it none."""

    def __init__(self, kind, value, name=None):
        self.kind = kind
        self.value = value
        self.name = name


class Query:
    """One text; parsed and run in one go, operator by operator."""

    def __init__(self, text, tables):
        self._tokens = _tokens(text)
        self._at = 0
        self._tables = tables
        self._operator = ""
        self._columns = {}
        self._depth = 0
        self._problem = None        # the first thing that is well formed and makes no sense

    # --- tokens ---

    @property
    def _token(self):
        return self._tokens[self._at]

    def _is(self, *texts):
        return self._token.kind in ("word", "sign", "end") and self._token.text in texts

    def _take(self, *texts, kind=None):
        """The next token, which must be one of these texts or of that kind."""
        token = self._token
        if not (token.kind == kind if kind else self._is(*texts)):
            raise token.failure()
        self._at += 1
        return token

    def _try(self, *texts):
        return self._take(*texts) if self._is(*texts) else None

    def _name(self):
        token = self._take(kind="word")
        if not re.match("[A-Za-z_]", token.text) or token.text.endswith("~"):
            raise token.failure()
        return token.text

    def _many(self, one):
        """One or more, with commas between."""
        found = [one()]
        while self._try(","):
            found.append(one())
        return found

    # --- pipelines ---

    def run(self):
        table = self._pipeline()
        self._take(END)
        if self._problem:
            raise self._problem
        return table

    def _note(self, message, code="Default"):
        self._problem = self._problem or QueryError(code, message)

    def _table(self, columns, rows):
        """A new Table; rows() is not called once there is a problem."""
        return Table(columns, [] if self._problem else rows())

    def _pipeline(self):
        token = self._take(kind="word")
        table = self._tables.get(token.text.lower())
        if table is None:
            self._note(f"Table {token.text} is invalid, unsupported or disallowed.", "DisallowedLogicalTableName")
            table = Table({}, [])
        while self._try("|"):
            operator = self._take(kind="word").text
            self._operator, self._columns = operator, table.columns
            if operator not in OPERATORS:
                raise QueryError("InvalidQueryLanguage", "InvalidQueryLanguage", line=-1, characterPositionInLine=-1,
                                 token=operator)
            table = OPERATORS[operator](self, table)
        return table

    def _where(self, table):
        test = self._expression()
        self._need(test, "where", BOOL)
        return self._table(table.columns, lambda: [row for row in table.rows if test.value(row)])

    def _assignments(self):
        """[(name, Expression)] of project and extend."""
        found, names = [], set()
        for name, expression in self._many(self._assignment):
            if name is None:
                name = expression.name or f"Column{len(found) + 1}"
            if name in names:
                self._note(f"'{self._operator}' operator: column name '{name}' is ambiguous")
            names.add(name)
            found.append((name, expression))
        return found

    def _assignment(self):
        following = self._tokens[min(self._at + 1, len(self._tokens) - 1)]
        name = None
        if self._token.kind == "word" and following.text == "=":
            name = self._name()
            self._take("=")
        return name, self._expression()

    def _project(self, table):
        items = self._assignments()
        return self._table({name: item.kind for name, item in items},
                           lambda: [{name: item.value(row) for name, item in items} for row in table.rows])

    def _extend(self, table):
        items = self._assignments()
        return self._table({**table.columns, **{name: item.kind for name, item in items}}, lambda: [
            {**row, **{name: item.value(row) for name, item in items}} for row in table.rows])

    def _limit(self, table):
        token = self._take(kind="number")
        if "." in token.text:
            raise token.failure()
        return Table(table.columns, table.rows[:int(token.text)])

    def _count(self, table):
        return Table({"Count": NUMBER}, [{"Count": len(table.rows)}])

    def _order(self, table):
        self._take("by")
        keys = self._many(self._order_key)

        def ordered():
            rows = list(table.rows)
            for expression, backwards in reversed(keys):
                rows.sort(key=expression.value, reverse=backwards)
            return rows
        return self._table(table.columns, ordered)

    def _order_key(self):
        expression = self._expression()
        if expression.kind == DYNAMIC:
            self._note(f"'{self._operator}' operator: key can't be of dynamic type")
        backwards = not self._is("asc")
        self._try("asc", "desc")
        return expression, backwards

    # --- join ---

    def _join(self, table):
        self._take("kind")
        self._take("=")
        kind = self._take("leftouter", "inner").text
        self._take("(")
        right = self._pipeline()
        self._take(")")
        self._take("on")
        keys = [self._join_key(table, right)]
        while self._try(",", "and"):
            keys.append(self._join_key(table, right))
        names = {}
        for name in right.columns:
            names[name] = _free_name(name, {*table.columns, *names.values()})
        renamed = {names[name]: type_ for name, type_ in right.columns.items()}
        nothing = [{name: "" if type_ == STRING else None for name, type_ in renamed.items()}]

        def joined():
            found = {}
            for row in right.rows:
                found.setdefault(tuple(row[b] for _, b in keys), []).append(
                    {names[name]: value for name, value in row.items()})
            return [{**row, **other} for row in table.rows for other in found.get(
                tuple(row[a] for a, _ in keys), nothing if kind == "leftouter" else [])]
        return self._table({**table.columns, **renamed}, joined)

    def _join_key(self, left, right):
        if not self._try("$left"):
            name = self._name()
            return self._key_column(left, name), self._key_column(right, name)
        self._take(".")
        a = self._key_column(left, self._name())
        self._take("==")
        self._take("$right")
        self._take(".")
        return a, self._key_column(right, self._name())

    def _key_column(self, table, name):
        if name not in table.columns:
            self._note(f"'join' operator: Failed to resolve column named '{name}'")
        if table.columns.get(name) == DYNAMIC:
            self._note(f"'join' operator: join key '{name}' can't be of dynamic type")
        return name

    # --- expressions ---

    def _expression(self):
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._token.failure()
        found = self._chain("or", lambda: self._chain("and", self._comparison, all), any)
        self._depth -= 1
        return found

    def _chain(self, word, one, of):
        parts = [one()]
        while self._try(word):
            parts.append(one())
        if len(parts) == 1:
            return parts[0]
        if any(part.kind != BOOL for part in parts):
            self._note(f"'{self._operator}' operator: '{word}' needs values of type bool")
        values = [part.value for part in parts]
        return Expression(BOOL, lambda row: of(value(row) for value in values))

    def _comparison(self):
        left = self._postfix()
        sign = self._token.text if self._token.kind in ("word", "sign") else ""
        if sign in ("==", "!="):
            return self._equality(left, self._take(sign).text)
        if sign in ORDERS:
            self._at += 1
            right = self._postfix()
            self._need(left, sign, NUMBER, DYNAMIC)
            self._need(right, sign, NUMBER, DYNAMIC)
            return Expression(BOOL, _ordered(ORDERS[sign], left.value, right.value))
        if sign in TEXT_OPERATORS or sign in LISTS or sign == "matches":
            self._at += 1
            self._need(left, sign, STRING, DYNAMIC)
            if sign in LISTS:
                return self._in_list(left, *LISTS[sign])
            return self._regex(left) if sign == "matches" else self._text_test(left, sign)
        return left

    def _need(self, expression, sign, *kinds):
        if expression.kind not in kinds:
            self._note(f"'{self._operator}' operator: '{sign}' cannot be applied to a value of type "
                           f"{expression.kind}")

    def _equality(self, left, sign):
        right = self._postfix()
        if left.kind != right.kind and DYNAMIC not in (left.kind, right.kind):
            self._note(f"'{self._operator}' operator: cannot compare values of types {left.kind} and {right.kind}. "
                           "Try adding explicit casts")
        a, b, equal = left.value, right.value, sign == "=="
        return Expression(BOOL, lambda row: (a(row) == b(row)) is equal)

    def _text_test(self, left, sign):
        right = self._postfix()
        self._need(right, sign, STRING, DYNAMIC)
        a, b, test = left.value, right.value, TEXT_OPERATORS[sign]
        return Expression(BOOL, lambda row: test(as_text(a(row)), as_text(b(row))))

    def _in_list(self, left, fold, wanted):
        self._take("(")
        change = str.lower if fold else str
        items = {change(_unquoted(item)) for item in self._many(lambda: self._take(kind="text"))}
        self._take(")")
        a = left.value
        return Expression(BOOL, lambda row: (change(as_text(a(row))) in items) is wanted)

    def _regex(self, left):
        self._take("regex")
        token = self._take(kind="text")
        pattern = _unquoted(token)
        try:
            test = re.compile(pattern, re.ASCII)
        except re.error:
            test = None
        if test is None or NOT_RE2.search(pattern):
            self._note(f"'{self._operator}' operator: the regex pattern '{pattern}' is not valid")
        a = left.value
        return Expression(BOOL, lambda row: test.search(as_text(a(row))) is not None)

    def _postfix(self):
        """A value, and the path into it."""
        found = self._primary()
        while self._is(".", "["):
            if self._take(".", "[").text == ".":
                key = self._name()
            else:
                token = self._token
                self._at += 1
                if token.kind not in ("text", "number"):
                    raise token.failure()
                key = _unquoted(token) if token.kind == "text" else int(token.text)
                self._take("]")
            if found.kind != DYNAMIC:
                self._note(f"'{self._operator}' operator: Path expression source must be of type dynamic, not "
                               f"{found.kind}")
            found = Expression(DYNAMIC, _member(found.value, key), f"{found.name}_{key}")
        return found

    def _primary(self):
        token = self._token
        self._at += 1
        if token.kind == "text":
            text = _unquoted(token)
            return Expression(STRING, lambda row: text)
        if token.kind == "number":
            number = float(token.text) if "." in token.text else int(token.text)
            return Expression(NUMBER, lambda row: number)
        if token.text == "(" and token.kind == "sign":
            found = self._expression()
            self._take(")")
            return found
        if token.kind != "word" or token.text in RESERVED:
            raise token.failure()
        if token.text in ("true", "false"):
            return Expression(BOOL, lambda row: token.text == "true")
        if self._is("("):
            return self._call(token)
        name = token.text
        if name not in self._columns:
            self._note(f"'{self._operator}' operator: Failed to resolve scalar expression named '{name}'")
        return Expression(self._columns.get(name, DYNAMIC), lambda row: row[name], name)

    def _call(self, token):
        name = token.text
        if name not in FUNCTIONS:
            raise QueryError("InvalidQueryLanguage", "InvalidQueryLanguage", line=-1, characterPositionInLine=-1,
                             token=name)
        self._take("(")
        args = self._many(self._expression)
        self._take(")")
        kinds, result, function = FUNCTIONS[name]
        kinds = kinds if isinstance(kinds, list) else [kinds] * len(args)
        if len(args) != len(kinds):
            self._note(f"{name}(): function expects {len(kinds)} argument(s).")
        for number, (arg, allowed) in enumerate(zip(args, kinds)):
            if arg.kind not in allowed:
                self._note(f"{name}(): argument #{number + 1} cannot be of type {arg.kind}. "
                               "Try adding an explicit cast")
        if result is None:
            result = args[-1].kind
            if args[-2:][0].kind != result:
                self._note(f"{name}(): the values have types {args[-2:][0].kind} and {result}")
        if len(args) == 1:
            value = args[0].value
            return Expression(result, lambda row: function(value(row)), args[0].name if name in KEEP_NAME else None)
        values = [arg.value for arg in args]
        return Expression(result, lambda row: function(*[value(row) for value in values]))


OPERATORS = {"where": Query._where, "project": Query._project, "extend": Query._extend, "join": Query._join,
             "order": Query._order, "sort": Query._order, "limit": Query._limit, "take": Query._limit,
             "count": Query._count}
RESERVED = {"and", "or", "by", "asc", "desc", "on", "matches", *TEXT_OPERATORS, *LISTS}


def _free_name(name, taken):
    """The name, with a number if it is taken."""
    number, found = 0, name
    while found in taken:
        number += 1
        found = f"{name}{number}"
    return found


def _member(value, key):
    def get(row):
        inside = value(row)
        if isinstance(key, str) and isinstance(inside, dict):
            return inside.get(key)
        if isinstance(key, int) and isinstance(inside, list) and key < len(inside):
            return inside[key]
        return None
    return get


def _ordered(compare, a, b):
    def test(row):
        left, right = a(row), b(row)
        return type(left) in (int, float) and type(right) in (int, float) and compare(left, right)
    return test


def run(text, tables):
    return Query(text, tables).run()
