; Definitions of Python: the capture names the kind, @name its name; @doc is what may stand before a definition.
; A name matches more than one pattern: the first one in this file wins.
(class_definition name: (_) @name) @class
(function_definition name: (_) @name) @function
(type_alias_statement left: (type (identifier) @name)) @type
(type_alias_statement left: (type (generic_type (identifier) @name))) @type
((module (expression_statement (assignment left: (identifier) @name) @const)) (#match? @name "^_*[A-Z][A-Z0-9_]*$"))
(module (expression_statement (assignment left: (identifier) @name) @variable))

(comment) @doc
(decorator) @doc
