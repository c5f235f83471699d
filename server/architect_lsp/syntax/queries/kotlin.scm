; What Architect reads of Kotlin. `outline.py` says what each capture means.

[(line_comment) (block_comment)] @above
(import (qualified_identifier) @import)

(function_declaration name: (_) @name (function_body)? @body) @definition.function
(class_declaration "class" name: (_) @name [(class_body) (enum_class_body)]? @body) @definition.class
(class_declaration "interface" name: (_) @name (class_body)? @body) @definition.interface
(object_declaration name: (_) @name (class_body)? @body) @definition.class
(property_declaration
  (variable_declaration . (identifier) @name) [(getter) (setter)] @body) @definition.function

(call_expression . (_) @callee) @call
