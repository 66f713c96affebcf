"""Evaluates an expression from its input and executes code of its own."""

expression = input()
scope = {}
exec("def double(n):\n    return 2 * n", scope)
print(eval(expression, {"__builtins__": {}}, {"x": 3}), scope["double"](4))
print(eval(compile("1 + 1", "<text>", "eval")))
