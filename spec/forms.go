package spec

import (
	"math"
	"strings"

	"github.com/flowrun/flowrun/ir"
)

// The forms of values: what a key takes, named by the sections' tables. The
// schema and the reference are made of them; that the decoder takes the same is
// a test.

// form is a set of values: scalars of some kinds, or a collection, or any of
// several forms.
type form struct {
	words   string   // how the reference calls it
	doc     string   // for editors
	scalar  []string // JSON types
	pattern string   // of a string
	enum    []string
	version bool // the number of the language's version
	minimum any  // of a number; nil if there is none
	maximum any

	items    string   // of a list: the form of each
	entries  string   // of a mapping by name: the form of each value
	texts    string   // of a mapping by any text: the form of each value
	section  *section // a mapping with the section's keys
	one      bool     // a mapping of exactly one entry
	shortest int      // how many items or entries at least
	reserved []string // names that entries can't have
	any      []string // any of these forms
	call     bool     // a node: see schemaWriter.node
}

// anyScalar are the YAML scalars that a text is taken from as written.
var anyScalar = []string{"string", "number", "boolean"}

// forms are all forms by name.
var forms = map[string]*form{
	"version":   {words: "`1`", version: true},
	"text":      {words: "a string", scalar: anyScalar},
	"file":      {words: "a string", scalar: []string{"string"}},
	"note":      {words: "a string", scalar: anyScalar},
	"int":       {words: "an int of 64 bits", scalar: []string{"integer"}, minimum: math.MinInt64, maximum: math.MaxInt64},
	"count":     {words: "an int of at least 1", scalar: []string{"integer"}, minimum: 1, maximum: math.MaxInt64},
	"length":    {words: "an int of at least 0", scalar: []string{"integer"}, minimum: 0, maximum: maxLength},
	"bool":      {words: "a bool", scalar: []string{"boolean"}},
	"limit":     {enum: []string{"unlimited"}},
	"steps":     {words: "an int of at least 1, or `unlimited`", any: []string{"count", "limit"}},
	"constant":  {words: "a value", doc: "An int, a float, a bool, a string, or a list of these.", any: []string{"text", "constants"}},
	"constants": {words: "a list of values", items: "constant"},

	"var type": {words: "a kind", enum: argKinds[:argScalar]},
	"arg type": {words: "a kind", enum: argKinds[:]},

	"expression":  {words: "an expression", doc: "An expression, or a list of expressions.", any: []string{"text", "expressions"}},
	"expressions": {words: "a list of expressions", items: "expression"},
	"shape":       {words: "a list of dimensions", items: "expression"},
	"type":        {words: "a type", doc: `A type: "f32[1, 2 * bits]", "i32[]", "float[..., features]".`, scalar: []string{"string"}, pattern: typePattern},
	"names":       {words: "a list of names", items: "name", shortest: 1},
	"name":        {words: "a name", scalar: []string{"string"}, pattern: namePattern},

	"device": {words: "a device", doc: deviceHelp, scalar: []string{"string"}, pattern: deviceNames.String()},
	"auto":   {enum: []string{"auto"}},
	"place":  {words: "`auto`, or a device", any: []string{"auto", "device"}},

	"node":  {words: "a node", doc: "An expression, {operation: inputs, argument: value}, or {if, then, else}.", call: true},
	"nodes": {words: "nodes by name", entries: "node"},
	"dtype": {words: "a dtype, or `inherit`", enum: append(ir.DTypeNames(), inherit)},

	"model nodes": {words: "nodes by name", entries: "node", reserved: reservedNodes},
	"metrics":     {words: "nodes by name", entries: "node", reserved: reservedMetrics},

	"vars":           {words: "a mapping of names", entries: "var"},
	"var":            {words: "a var", any: []string{"constant", "long var"}},
	"long var":       {section: varSection},
	"sources":        {words: "a mapping of names", entries: "source"},
	"source":         {section: sourceSection},
	"fields":         {words: "a mapping of names", entries: "field"},
	"field":          {section: fieldSection},
	"model":          {words: "a mapping", section: modelSection},
	"train":          {words: "a mapping", section: trainSection},
	"placement":      {words: "a mapping", section: placementSection},
	"rules":          {words: "a list of rules", items: "rule"},
	"rule":           {section: ruleSection},
	"inputs":         {words: "types by name", entries: "type"},
	"modules":        {words: "modules by name", entries: "module"},
	"module":         {section: moduleSection},
	"optimizers":     {words: "optimizers by name", entries: "optimizer"},
	"optimizer":      {section: optimizerSection},
	"args":           {words: "arguments by name", entries: "arg"},
	"arg":            {words: "an argument", any: []string{"arg type", "arg default", "long arg"}},
	"arg default":    {doc: "A default, which also gives the kind.", any: []string{"number or bool", "constants"}},
	"number or bool": {scalar: []string{"number", "boolean"}},
	"long arg":       {section: argSection},
	"requirements":   {words: "conditions by sentence", texts: "expression"},
	"params":         {words: "parameters by name", entries: "param"},
	"param":          {section: paramSection},
	"states":         {words: "states by name", entries: "state"},
	"state":          {words: "a state", any: []string{"expression", "long state"}},
	"long state":     {section: stateSection},

	"imports":      {words: "a list of imports", items: "import"},
	"import":       {any: []string{"file", "long import"}},
	"long import":  {section: importSection},
	"import names": {words: "a list of names, or names by the file's", any: []string{"names", "aliases"}},
	"aliases":      {entries: "name"},

	"groups":     {words: "a list of groups", items: "group"},
	"group":      {section: groupSection},
	"init":       {words: "a mapping", section: initSection},
	"renames":    {words: "a mapping of names", texts: "text"},
	"eval":       {words: "a mapping", section: evalSection},
	"early_stop": {words: "a mapping", section: earlyStopSection},
	"checkpoint": {words: "a mapping", section: checkpointSection},
	"best":       {words: "a mapping", section: bestSection},
	"mode":       {words: "`min` or `max`", enum: []string{"min", "max"}},
	"delta":      {words: "a number of at least 0", scalar: []string{"number"}, minimum: 0, maximum: math.MaxFloat64},

	"optimizer call":      {words: "an optimizer with its arguments", entries: "optimizer arguments", one: true, shortest: 1},
	"optimizer arguments": {any: []string{"nothing", "expressions by name"}},
	"nothing":             {scalar: []string{"null"}},
	"expressions by name": {entries: "expression"},
}

// namePattern is what isName accepts.
const namePattern = `^[A-Za-z_][A-Za-z0-9_]*$`

// typePattern is what a type looks like, whatever its dimensions are.
var typePattern = `^\s*(` + strings.Join(typeNames, "|") + `)\s*\[[\s\S]*\]\s*$`

// describe says what a key means, as a sentence or two.
func (k *keyDecl) describe() string {
	s := k.doc
	if k.more != "" {
		s += "; " + k.more
	}
	return s
}

// capital begins a sentence.
func capital(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
