package syntax

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/flowrun/flowrun/ir"
)

// Form is a set of values that a key takes: scalars of some kinds, or a collection, or any of
// several forms. The schema and the reference are generated from the forms; a test checks
// that the decoder accepts the same.
type Form struct {
	words   string   // how the reference calls it
	Doc     string   // for editors
	Scalar  []string // JSON types
	Pattern string   // of a string
	Enum    []string
	Version bool // the number of the language's version
	Minimum any  // of a number; nil if there is none
	Maximum any

	Items    string   // of a list: the form of each
	Entries  string   // of a mapping by name: the form of each value
	Texts    string   // of a mapping by any text: the form of each value
	Section  *Section // a mapping with the section's keys
	One      bool     // a mapping of exactly one entry
	Shortest int      // how many items or entries at least
	Reserved []string // names that entries can't have
	Any      []string // any of these forms
	By       []Case   // a mapping with exactly one of these keys, each with the form that it has then
	Call     bool     // a node: see schemaWriter.node
}

// Case is the form of mappings that have a key.
type Case struct{ Key, Form string }

// anyScalar are the YAML scalars that can be a text.
var anyScalar = []string{"string", "number", "boolean"}

// Forms are all forms by name.
var Forms = map[string]*Form{
	"version":   {words: "`1`", Version: true},
	"text":      {words: "a string", Scalar: anyScalar},
	"file":      {words: "a string", Scalar: []string{"string"}},
	"note":      {words: "a string", Scalar: anyScalar},
	"int":       {words: "a 64-bit int", Scalar: []string{"integer"}, Minimum: math.MinInt64, Maximum: math.MaxInt64},
	"count":     {words: "an int of at least 1", Scalar: []string{"integer"}, Minimum: 1, Maximum: math.MaxInt64},
	"length":    {words: "an int of at least 0", Scalar: []string{"integer"}, Minimum: 0, Maximum: maxLength},
	"bool":      {words: "a bool", Scalar: []string{"boolean"}},
	"limit":     {Enum: []string{"unlimited"}},
	"steps":     {words: "an int of at least 1, or `unlimited`", Any: []string{"count", "limit"}},
	"interval":  {words: "an int of at least 1, or `epoch`", Any: []string{"count", "epoch"}},
	"epoch":     {Enum: []string{everyEpoch}},
	"constant":  {words: "a value", Doc: "An int, a float, a bool, a string, or a list of these.", Any: []string{"text", "constants"}},
	"constants": {words: "a list of values", Items: "constant"},

	"var type": {words: "a kind", Enum: argKinds[:ArgScalar]},
	"arg type": {words: "a kind", Enum: argKinds[:]},

	"expression":  {words: "an expression", Doc: "An expression, or a list of expressions.", Any: []string{"text", "expressions"}},
	"expressions": {words: "a list of expressions", Items: "expression"},
	"shape":       {words: "a list of dimensions", Items: "expression"},
	"type":        {words: "a type", Doc: `A type: "f32[1, 2 * bits]", "i32[]", "float[..., features]".`, Scalar: []string{"string"}, Pattern: typePattern},
	"names":       {words: "a list of names", Items: "name", Shortest: 1},
	"name":        {words: "a name", Scalar: []string{"string"}, Pattern: NamePattern},

	"device":         {words: "a device", Doc: deviceHelp, Scalar: []string{"string"}, Pattern: deviceNames.String()},
	"auto":           {Enum: []string{"auto"}},
	"default device": {words: "`auto`, or a device", Any: []string{"auto", "device"}},

	"node":            {words: "a node", Doc: "An expression, {operation: inputs, argument: value}, or {if, then, else}.", Call: true},
	"nodes":           {words: "nodes by name", Entries: "node"},
	"recompute":       {words: "a bool, or {every: n}", Any: []string{"bool", "recompute every"}},
	"recompute every": {Section: recomputeSection},
	"precision":       {words: "`bf16`, `f16` or `f32`", Enum: precisions},
	"share":           {words: "a node, `true`, or parameters by name", Any: []string{"path", "on", "tied parameters"}},
	"path":            {words: "a path", Doc: "The path of a node or parameter: encoder, h[0], tok.weight.", Scalar: []string{"string"}},
	"on":              {words: "`true`", Doc: "One set of parameters for all repetitions.", Scalar: []string{"boolean"}},

	"tied parameters": {words: "parameters by name", Texts: "path", Shortest: 1},

	"dtype": {words: "a dtype, or `inherit`", Enum: append(ir.DTypeNames(), Inherit)},

	"model nodes": {words: "nodes by name", Entries: "node", Reserved: ReservedNodes},
	"metrics":     {words: "nodes by name", Entries: "node", Reserved: reservedMetrics},

	"labels":         {words: "fields by output", Entries: "name"},
	"vars":           {words: "a mapping of names", Entries: "var"},
	"var":            {words: "a var", Any: []string{"constant", "long var"}},
	"long var":       {Section: varSection},
	"sources":        {words: "a mapping of names", Entries: "source"},
	"model":          {words: "a mapping", Section: modelSection},
	"train":          {words: "a mapping", Section: TrainSection},
	"generate":       {words: "a mapping", Section: GenerateSection},
	"probability":    {words: "a number above 0 and at most 1", Scalar: []string{"number"}, Minimum: 0, Maximum: 1},
	"placement":      {words: "a mapping", Section: PlacementSection},
	"rules":          {words: "a list of rules", Items: "rule"},
	"rule":           {Section: ruleSection},
	"inputs":         {words: "types by name", Entries: "type"},
	"modules":        {words: "modules by name", Entries: "module"},
	"module":         {Section: moduleSection},
	"optimizers":     {words: "optimizers by name", Entries: "optimizer"},
	"optimizer":      {Section: optimizerSection},
	"args":           {words: "arguments by name", Entries: "arg"},
	"arg":            {words: "an argument", Any: []string{"arg type", "arg default", "long arg"}},
	"arg default":    {Doc: "A default, which also determines the kind.", Any: []string{"number or bool", "constants"}},
	"number or bool": {Scalar: []string{"number", "boolean"}},
	"long arg":       {Section: argSection},
	"requirements":   {words: "conditions by sentence", Texts: "expression"},
	"params":         {words: "parameters by name", Entries: "param"},
	"param":          {Section: paramSection},
	"states":         {words: "states by name", Entries: "state"},
	"state":          {words: "a state", Any: []string{"expression", "long state"}},
	"long state":     {Section: stateSection},

	"carries":      {words: "carries by name", Entries: "carry"},
	"carry":        {words: "a carry", Any: []string{"expression", "long carry"}},
	"long carry":   {Section: carrySection},
	"scan":         {words: "a dim, or a mapping", Any: []string{"expression", "long scan"}},
	"long scan":    {Section: scanSection},
	"some names":   {words: "a name, or a list of names", Any: []string{"name", "names"}},
	"last outputs": {words: "a name, a list of names, or a bool", Any: []string{"name", "names", "bool"}},

	"imports":      {words: "a list of imports", Items: "import"},
	"import":       {Any: []string{"file", "long import"}},
	"long import":  {Section: importSection},
	"import names": {words: "a list of names, or a mapping to new names", Any: []string{"names", "aliases"}},
	"aliases":      {Entries: "name"},

	"updates":      {words: "updates by name", Entries: "update", Shortest: 1},
	"update":       {Section: updateSection},
	"assignments":  {words: "values by path", Texts: "node"},
	"copies":       {words: "paths by path", Texts: "text"},
	"averages":     {words: "averages by name", Entries: "average"},
	"average":      {Section: averageSection},
	"decay":        {words: "a number from 0 to 1", Scalar: []string{"number"}, Minimum: 0, Maximum: 1},
	"groups":       {words: "a list of groups", Items: "group"},
	"group":        {Section: groupSection},
	"init":         {words: "a mapping", Section: initSection},
	"renames":      {words: "a mapping of names", Texts: "patterns"},
	"patterns":     {words: "a pattern, or a list of patterns", Any: []string{"text", "pattern list"}},
	"pattern list": {Items: "text", Shortest: 1},
	"eval":         {words: "a mapping", Section: evalSection},
	"early_stop":   {words: "a mapping", Section: earlyStopSection},
	"checkpoint":   {words: "a mapping", Section: checkpointSection},
	"best":         {words: "a mapping", Section: bestSection},
	"nonfinite":    {words: "`stop`, `skip` or `continue`", Enum: onNonFinite},
	"mode":         {words: "`min` or `max`", Enum: []string{"min", "max"}},
	"delta":        {words: "a number of at least 0", Scalar: []string{"number"}, Minimum: 0, Maximum: math.MaxFloat64},

	"optimizer call":      {words: "an optimizer with its arguments", Entries: "optimizer arguments", One: true, Shortest: 1},
	"optimizer arguments": {Any: []string{"nothing", "expressions by name"}},
	"nothing":             {Scalar: []string{"null"}},
	"expressions by name": {Entries: "expression"},
}

// NamePattern is what isName accepts.
const NamePattern = `^[A-Za-z_][A-Za-z0-9_]*$`

// typePattern is what a type looks like, whatever its dimensions are.
var typePattern = `^\s*(` + strings.Join(TypeNames, "|") + `)\s*\[[\s\S]*\]\s*$`

// Describe says what a key means, as a sentence or two.
func (k *Key) Describe() string {
	if k.more == "" {
		return k.doc
	}
	if first, _ := utf8.DecodeRuneInString(k.more); unicode.IsUpper(first) { // sentences of their own
		return k.doc + ". " + strings.TrimSuffix(k.more, ".")
	}
	return k.doc + "; " + k.more
}

// Capital capitalizes the first letter.
func Capital(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
