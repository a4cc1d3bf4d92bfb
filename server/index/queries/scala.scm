; Definitions of Scala: the capture names the kind, @name its name; @doc is what may stand before a definition.
(class_definition name: (_) @name) @class
(object_definition name: (_) @name) @class
(trait_definition name: (_) @name) @trait
(enum_definition name: (_) @name) @enum
(function_definition name: (_) @name) @function
(function_declaration name: (_) @name) @function
(given_definition name: (_) @name) @variable
(type_definition name: (_) @name) @type
(compilation_unit (val_definition pattern: (identifier) @name) @const)
(template_body (val_definition pattern: (identifier) @name) @property)

(comment) @doc
(block_comment) @doc
