; Definitions of Go: the capture names the kind, @name its name; @doc is what may stand before a definition.
; A type matches more than one pattern: the first one in this file wins.
(function_declaration name: (_) @name) @function
(method_declaration name: (_) @name) @method
(method_elem name: (_) @name) @method
(type_spec name: (_) @name type: (struct_type)) @struct
(type_spec name: (_) @name type: (interface_type)) @interface
(type_spec name: (_) @name) @type
(type_alias name: (_) @name) @type
; Of a specification's own children only its names are identifiers; `name:` finds one of several in `const`.
(source_file (const_declaration (const_spec (identifier) @name) @const))
(source_file (var_declaration (var_spec (identifier) @name) @variable))
(source_file (var_declaration (var_spec_list (var_spec (identifier) @name) @variable)))

(comment) @doc
