; Definitions of Bash: the capture names the kind, @name its name; @doc is what may stand before a definition.
(function_definition name: (_) @name) @function
((program (declaration_command (variable_assignment name: (variable_name) @name)) @const) (#match? @const "^(readonly|declare\\s+-[a-z]*r)"))
(program (declaration_command (variable_assignment name: (variable_name) @name)) @variable)
(program (variable_assignment name: (variable_name) @name) @variable)

(comment) @doc
