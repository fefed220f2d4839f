package spec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/ir"
)

// Schema gives the JSON Schema (draft 2020-12) of specs and of the files of
// modules that they import, as indented JSON with a line feed at its end. It is generated from the decoder's own tables, and the
// same for the same build.
//
// A schema sees structure: keys, kinds, enumerations, names. What only the
// decoder can see it leaves to flowrun validate: expressions, types, shapes, and
// which arguments an operation has.
func Schema() []byte {
	s := schemaWriter{defs: object{}}
	root := s.file()
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "flowrun spec, version 1"
	root["$defs"] = s.defs
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(root); err != nil {
		panic(fmt.Sprintf("spec: %v", err)) // strings, numbers, lists and maps of them
	}
	return b.Bytes()
}

type object = map[string]any

// schemaWriter collects the definitions that the schema refers to.
type schemaWriter struct{ defs object }

// ref refers to a form, and defines it.
func (s *schemaWriter) ref(name string) object {
	key := strings.ReplaceAll(name, " ", "-")
	if s.defs[key] == nil {
		s.defs[key] = object{} // forms contain each other
		s.defs[key] = s.form(forms[name])
	}
	return object{"$ref": "#/$defs/" + key}
}

func (s *schemaWriter) form(f *form) object {
	o := object{}
	switch {
	case f.section != nil:
		o = s.section(f.section)
	case f.call:
		o = s.node()
	case f.any != nil:
		var refs []any
		for _, name := range f.any {
			refs = append(refs, s.ref(name))
		}
		o["anyOf"] = refs
	case f.items != "":
		o["type"], o["items"] = "array", s.ref(f.items)
		if f.shortest > 0 {
			o["minItems"] = f.shortest
		}
	case f.entries != "":
		o["type"], o["additionalProperties"] = "object", s.ref(f.entries)
		o["propertyNames"] = object{"pattern": namePattern, "not": object{"enum": append(reservedWords(), f.reserved...)}}
		if f.shortest > 0 {
			o["minProperties"] = f.shortest
		}
		if f.one {
			o["maxProperties"] = 1
		}
	case f.texts != "":
		o["type"], o["additionalProperties"] = "object", s.ref(f.texts)
	case f.enum != nil:
		o["enum"] = f.enum
	case f.version:
		o["const"] = version
	default:
		o = oneType(f.scalar)
		for keyword, value := range map[string]any{"minimum": f.minimum, "maximum": f.maximum} {
			if value != nil {
				o[keyword] = value
			}
		}
		if f.pattern != "" {
			o["pattern"] = f.pattern
		}
	}
	if f.doc != "" {
		o["description"] = f.doc
	}
	return o
}

// oneType takes values of any of the types. A list of types says the same, but
// strict validators (ajv's strict mode) refuse it.
func oneType(types []string) object {
	if len(types) == 1 {
		return object{"type": types[0]}
	}
	var any []any
	for _, t := range types {
		any = append(any, object{"type": t})
	}
	return object{"anyOf": any}
}

// having takes mappings that have a key. Strict validators want to see the key
// declared beside the demand for it.
func having(key string) object {
	return object{"type": "object", "properties": object{key: true}, "required": []string{key}}
}

// file is a spec, or a file of modules: one that has modules or optimizers, and
// nothing that only a spec has.
func (s *schemaWriter) file() object {
	var modules, others []any
	for _, k := range rootSection.keys {
		has := having(k.name)
		switch {
		case k.name == "modules" || k.name == "optimizers":
			modules = append(modules, has)
		case librarySection.key(k.name) == nil:
			others = append(others, has)
		}
	}
	return object{
		"if":   object{"anyOf": modules, "not": object{"anyOf": others}},
		"then": s.section(librarySection),
		"else": s.section(rootSection),
	}
}

// section is a mapping with a closed set of keys.
func (s *schemaWriter) section(sec *section) object {
	properties := object{}
	var required []string
	for _, k := range sec.keys {
		properties[k.name] = s.key(k)
		if k.required {
			required = append(required, k.name)
		}
	}
	o := object{"type": "object", "description": sec.doc, "properties": properties, "additionalProperties": false}
	if required != nil {
		o["required"] = required
	}
	if sec.others != "" {
		o["additionalProperties"] = s.ref(sec.others)
	}
	if sec.one != nil {
		var choices []any
		for _, name := range sec.one {
			choices = append(choices, having(name))
		}
		o["oneOf"] = choices
	}
	return o
}

// key is a reference with the key's own description beside it.
func (s *schemaWriter) key(k keyDecl) object {
	o := s.ref(k.value)
	o["description"] = capital(k.describe()) + "."
	if k.fallback != "" {
		var v any
		if err := json.Unmarshal([]byte(k.fallback), &v); err != nil {
			v = k.fallback
		}
		o["default"] = v
	}
	return o
}

// node is an expression, a mapping node, or a choice. A mapping node's keys are
// open: a spec's own modules are called like those of the standard library,
// which are listed for editors to offer.
func (s *schemaWriter) node() object {
	properties := object{}
	for name := range ir.Ops() {
		if op := lookupOp(name); op != nil {
			doc, _, _ := strings.Cut(op.Doc, "\n")
			properties[name] = object{"description": doc}
		}
	}
	for name, m := range standard().modules {
		properties[name] = object{"description": m.doc}
	}
	for _, k := range nodeSection.keys {
		properties[k.name] = s.key(k)
	}
	mapping := object{"type": "object", "properties": properties, "minProperties": 1,
		"additionalProperties": s.ref("expression")}
	return object{
		"if":   object{"type": "object"},
		"then": object{"if": having("if"), "then": s.section(ifSection), "else": mapping},
		"else": s.ref("expression"),
	}
}

// reservedWords are names that nothing can have.
func reservedWords() []string {
	return slices.Sorted(slices.Values(append(slices.Clone(words), "next")))
}
