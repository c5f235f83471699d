; What Architect reads of JavaScript, JSX included. `outline.py` says what each capture means.

[(comment) (decorator)] @above

(import_statement source: (string) @import)
(export_statement source: (string) @import)
(call_expression function: (import) arguments: (arguments . (string) @import))
(call_expression
  function: (identifier) @_require arguments: (arguments . (string) @import)
  (#eq? @_require "require"))

[
  (function_declaration name: (_) @name)
  (generator_function_declaration name: (_) @name)
  (method_definition name: (_) @name)
] @definition.function
(class_declaration name: (_) @name) @definition.class

(variable_declarator
  name: (identifier) @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body) (generator_function body: (_) @body)]
) @definition.function
(field_definition
  property: (_) @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]
) @definition.function
(pair
  key: [(property_identifier) (string)] @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]
) @definition.function
(assignment_expression
  left: [(member_expression) (identifier)] @name
  right: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]
) @definition.function
[
  (arguments (function_expression name: (_) @name) @definition.function)
  (return_statement (function_expression name: (_) @name) @definition.function)
]
(variable_declarator name: (identifier) @name value: (class body: (_) @body)) @definition.class

; export const list = handler(async (request) => { ... })
(program [
  (lexical_declaration (variable_declarator
    name: (identifier) @name
    value: (call_expression arguments: (arguments [(arrow_function) (function_expression)] @body))) @definition.constant)
  (export_statement (lexical_declaration (variable_declarator
    name: (identifier) @name
    value: (call_expression arguments: (arguments [(arrow_function) (function_expression)] @body))) @definition.constant))
])

(call_expression function: (_) @callee) @call
(new_expression constructor: (_) @callee) @call
[(jsx_opening_element name: (_) @callee) (jsx_self_closing_element name: (_) @callee)] @call
