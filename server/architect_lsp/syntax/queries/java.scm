; What Architect reads of Java. `outline.py` says what each capture means.

[(line_comment) (block_comment)] @above
(import_declaration [(identifier) (scoped_identifier)] @import)

[
  (method_declaration name: (_) @name)
  (constructor_declaration name: (_) @name)
  (compact_constructor_declaration name: (_) @name)
] @definition.function
[(class_declaration name: (_) @name) (record_declaration name: (_) @name)] @definition.class
[(interface_declaration name: (_) @name) (annotation_type_declaration name: (_) @name)] @definition.interface
(enum_declaration name: (_) @name) @definition.enum

(method_invocation object: (_)? @callee name: (_) @callee) @call
(object_creation_expression type: (_) @callee) @call
