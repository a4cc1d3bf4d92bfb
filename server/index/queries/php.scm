; Definitions of PHP: the capture names the kind, @name its name; @doc is what may stand before a definition.
; A method matches more than one pattern: the first one in this file wins.
(namespace_definition name: (_) @name body: (_)) @module
(class_declaration name: (_) @name) @class
(trait_declaration name: (_) @name) @trait
(interface_declaration name: (_) @name) @interface
(enum_declaration name: (_) @name) @enum
((method_declaration attributes: (attribute_list (attribute_group (attribute (_) @_mark))) name: (_) @name) @test
  (#any-of? @_mark "Test"))
(method_declaration name: (_) @name) @method
(function_definition name: (_) @name) @function
(const_declaration (const_element . (name) @name)) @const

(comment) @doc
