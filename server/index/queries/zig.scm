; Definitions of Zig: the capture names the kind, @name its name; @doc is what may stand before a definition.
; A name matches more than one pattern: the first one in this file wins.
(function_declaration name: (_) @name) @function
(variable_declaration . (identifier) @name (struct_declaration)) @struct
(variable_declaration . (identifier) @name (union_declaration)) @struct
(variable_declaration . (identifier) @name (enum_declaration)) @enum
(source_file (variable_declaration . (identifier) @name) @const)
(test_declaration [(string) (identifier)] @name) @test

(comment) @doc
