// Package spec turns YAML text into a checked [Program]: names, expressions, types and
// shapes, modules, and the standard library, which is YAML itself (spec/std).
//
// A text goes one way:
//
//	text ──► syntax ──► check ──► build ──► Program
//	         defs       names     graphs
//
// Imports go one way too, from the right to the left and from the top to the bottom:
//
//	edit     schema          text from definitions: render, format; JSON Schema
//	  │        │
//	build      │             definitions to graphs
//	  │        │
//	check      │             what names mean
//	  │        │
//	syntax ◄───┘             text to definitions, the tables of keys
//	  │
//	expr, syntax/tree, std   expressions, YAML with positions, the library
//
// Each stage reports all that it finds; what was reported is dropped or marked, so that
// one mistake gives one diagnostic.
//
// Reading a spec executes nothing, opens no files but the spec, its imports and files
// of vars, and ends within bounded time and memory, whatever the text.
package spec
