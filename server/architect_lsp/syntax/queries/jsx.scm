; A component that is shown is a function that is called. Read after typescript.scm.

[(jsx_opening_element name: (_) @callee) (jsx_self_closing_element name: (_) @callee)] @call
