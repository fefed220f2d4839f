// Package schema writes the JSON Schema of specs, out of the decoder's own tables.
package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/syntax"
)

// JSON gives the JSON Schema (draft 2020-12) of specs and of files of modules, as indented
// JSON with a line feed at its end; the same build gives the same bytes. A schema sees keys,
// kinds, enumerations and names. Expressions, types, shapes, and which arguments an
// operation has are left to flowrun validate.
func JSON() []byte {
	s := writer{defs: object{}}
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

// writer collects the definitions that the schema refers to.
type writer struct{ defs object }

// ref refers to a form, and defines it.
func (s *writer) ref(name string) object {
	key := strings.ReplaceAll(name, " ", "-")
	if s.defs[key] == nil {
		s.defs[key] = object{} // forms contain each other
		s.defs[key] = s.form(syntax.Forms[name])
	}
	return object{"$ref": "#/$defs/" + key}
}

func (s *writer) form(f *syntax.Form) object {
	o := object{}
	switch {
	case f.Section != nil:
		o = s.section(f.Section)
	case f.By != nil:
		var has, cases []any
		for _, c := range f.By {
			has = append(has, having(c.Key))
			cases = append(cases, object{"if": having(c.Key), "then": s.ref(c.Form)})
		}
		o["type"], o["oneOf"], o["allOf"] = "object", has, cases
	case f.Call:
		o = s.node()
	case f.Any != nil:
		var refs []any
		for _, name := range f.Any {
			refs = append(refs, s.ref(name))
		}
		o["anyOf"] = refs
	case f.Items != "":
		o["type"], o["items"] = "array", s.ref(f.Items)
		if f.Shortest > 0 {
			o["minItems"] = f.Shortest
		}
	case f.Entries != "":
		o["type"], o["additionalProperties"] = "object", s.ref(f.Entries)
		o["propertyNames"] = object{"pattern": syntax.NamePattern, "not": object{"enum": append(reservedWords(), f.Reserved...)}}
		if f.Shortest > 0 {
			o["minProperties"] = f.Shortest
		}
		if f.One {
			o["maxProperties"] = 1
		}
	case f.Texts != "":
		o["type"], o["additionalProperties"] = "object", s.ref(f.Texts)
	case f.Enum != nil:
		o["enum"] = f.Enum
	case f.Version:
		o["const"] = syntax.Version
	default:
		o = oneType(f.Scalar)
		for keyword, value := range map[string]any{"minimum": f.Minimum, "maximum": f.Maximum} {
			if value != nil {
				o[keyword] = value
			}
		}
		if f.Pattern != "" {
			o["pattern"] = f.Pattern
		}
	}
	if f.Doc != "" {
		o["description"] = f.Doc
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
func (s *writer) file() object {
	var modules, others []any
	for _, k := range syntax.RootSection.Keys {
		has := having(k.Name)
		switch {
		case k.Name == "modules" || k.Name == "optimizers":
			modules = append(modules, has)
		case syntax.LibrarySection.Key(k.Name) == nil:
			others = append(others, has)
		}
	}
	return object{
		"if":   object{"anyOf": modules, "not": object{"anyOf": others}},
		"then": s.section(syntax.LibrarySection),
		"else": s.section(syntax.RootSection),
	}
}

// section is a mapping with a closed set of keys.
func (s *writer) section(sec *syntax.Section) object {
	properties := object{}
	var required []string
	for _, k := range sec.Keys {
		properties[k.Name] = s.key(k)
		if k.Required {
			required = append(required, k.Name)
		}
	}
	o := object{"type": "object", "description": sec.Doc, "properties": properties, "additionalProperties": false}
	if required != nil {
		o["required"] = required
	}
	if sec.Others != "" {
		o["additionalProperties"] = s.ref(sec.Others)
	}
	if sec.One != nil {
		var choices []any
		for _, name := range sec.One {
			choices = append(choices, having(name))
		}
		o["oneOf"] = choices
	}
	var also []any
	for _, k := range slices.Sorted(maps.Keys(sec.Needs)) {
		also = append(also, object{"if": having(k), "then": having(sec.Needs[k])})
	}
	for _, k := range slices.Sorted(maps.Keys(sec.Without)) {
		var others []any
		for _, other := range sec.Without[k] {
			others = append(others, having(other))
		}
		also = append(also, object{"if": having(k), "then": object{"not": object{"anyOf": others}}})
	}
	if also != nil {
		o["allOf"] = also
	}
	return o
}

// key is a reference with the key's own description beside it.
func (s *writer) key(k syntax.Key) object {
	o := s.ref(k.Value)
	o["description"] = syntax.Capital(k.Describe()) + "."
	if k.Default != "" {
		var v any
		if err := json.Unmarshal([]byte(k.Default), &v); err != nil {
			v = k.Default
		}
		o["default"] = v
	}
	return o
}

// node is an expression, a mapping node, or a choice. A mapping node's keys are
// open: a spec's own modules are called like those of the standard library,
// which are listed for editors to offer.
func (s *writer) node() object {
	properties := object{}
	for name := range ir.Ops() {
		if op := syntax.LookupOp(name); op != nil {
			properties[name] = object{"description": op.Signature() + "\n\n" + op.Doc + "\n\nExample:" + op.Example}
		}
	}
	for name, m := range syntax.Standard().Modules {
		properties[name] = object{"description": m.Doc}
	}
	for _, k := range syntax.NodeSection.Keys {
		key := s.key(k)
		if called := properties[k.Name]; called != nil { // a module has the name, too
			key = object{"anyOf": []any{key, s.ref("expression")}, "description": called.(object)["description"]}
		}
		properties[k.Name] = key
	}
	mapping := object{"type": "object", "properties": properties, "minProperties": 1,
		"additionalProperties": object{"anyOf": []any{s.ref("expression"), s.ref("nothing")}}}
	return object{
		"if":   object{"type": "object"},
		"then": object{"if": having("if"), "then": s.section(syntax.IfSection), "else": mapping},
		"else": s.ref("expression"),
	}
}

// reservedWords are names that nothing can have.
func reservedWords() []string {
	return slices.Sorted(slices.Values(append(slices.Clone(syntax.Words), "next")))
}
