; Definitions of Lua: the capture names the kind, @name its name; @doc is what may stand before a definition.
(function_declaration name: (identifier) @name) @function
(function_declaration name: (dot_index_expression table: (_) @container field: (_) @name)) @function
(function_declaration name: (method_index_expression table: (_) @container method: (_) @name)) @method
(chunk (assignment_statement (variable_list . name: (identifier) @name) (expression_list . value: (function_definition))) @function)
(chunk (assignment_statement (variable_list . name: (dot_index_expression table: (_) @container field: (_) @name)) (expression_list . value: (function_definition))) @function)
(chunk (variable_declaration (assignment_statement (variable_list . name: (identifier) @name) (expression_list . value: (function_definition)))) @function)
(chunk (variable_declaration (assignment_statement (variable_list . name: (identifier) @name))) @variable)

(comment) @doc
