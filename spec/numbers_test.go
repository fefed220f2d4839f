package spec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/expr"
	"github.com/flowrun/flowrun/spec/syntax"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// numberTexts are texts with what they are in YAML 1.2's core schema (section
// 10.3.2 of its specification): an int, a float64 or a string; and nil for numbers
// that no int64 or float64 is.
var numberTexts = map[string]any{
	"0": 0, "5": 5, "+5": 5, "-1": -1, "-0": 0, "010": 10, "08": 8, "00": 0, "007": 7, "-010": -10, "+08": 8, "0010": 10,
	"0o17": 15, "0o010": 8, "0x1F": 31, "0xff": 255, "0x00": 0,
	"9223372036854775807": math.MaxInt64, "-9223372036854775808": math.MinInt64,
	"9223372036854775808": nil, "-9223372036854775809": nil, "18446744073709551615": nil, "99999999999999999999": nil,
	"0x7fffffffffffffff": math.MaxInt64, "0x8000000000000000": nil, "0o7777777777777777777777": nil,

	"1.5": 1.5, "1.": 1.0, ".5": .5, "1e3": 1000.0, "1E3": 1000.0, "1e+3": 1000.0, "1e-3": .001, "01e1": 10.0, "010.5": 10.5, "-.5e1": -5.0, "1000.0": 1000.0,
	"0e5": 0.0, "0.0": 0.0, "-0.0": math.Copysign(0, -1), "0e-999": 0.0, "5e-324": 5e-324, "1.7976931348623157e308": math.MaxFloat64,
	".inf": math.Inf(1), "+.Inf": math.Inf(1), "-.INF": math.Inf(-1), ".nan": math.NaN(), ".NaN": math.NaN(), ".NAN": math.NaN(),
	"1e400": nil, "-1e400": nil, "1e-400": nil, "2e-324": nil, "0.000001e-400": nil, "1e30": 1e30, "1e19": 1e19, "9223372036854775807.0": 1 << 63 * 1.0,

	"1_000": "1_000", "1_0.5": "1_0.5", "1__0": "1__0", "_1": "_1", "1_": "1_", "0b11": "0b11", "0b": "0b", "0x": "0x", "0o": "0o", "0o8": "0o8", "0xg": "0xg",
	"0X1F": "0X1F", "0O17": "0O17", "0B1": "0B1", "-0x1F": "-0x1F", "+0o17": "+0o17", "0x1p4": "0x1p4", "0x1.8p1": "0x1.8p1", "--1": "--1", "+-1": "+-1",
	"1e": "1e", "1e3e": "1e3e", "e3": "e3", ".": ".", ".e3": ".e3", "1.2.3": "1.2.3", "12:30": "12:30", "12:30:45": "12:30:45", "2024-01-02": "2024-01-02",
	"inf": "inf", "nan": "nan", "NaN": "NaN", "Infinity": "Infinity", "infinity": "infinity", "+.nan": "+.nan", ".iNf": ".iNf", "1,000": "1,000", "1f": "1f", "1/3": "1/3", "１": "１",
}

// readOtherwise are those of them that a reader of YAML 1.1 takes for another number,
// with what it takes them for.
var readOtherwise = map[string]string{"010": "8", "08": "not a number", "-010": "-8", "+08": "not a number", "0010": "8"}

// numberSpec has a text in a place.
func numberSpec(seed, steps, delta, v, lr string) string {
	return "flowrun: 1\nseed: " + seed + "\nvars:\n  v: " + v + "\n" + `
data:
  points:
    generate: {x: "uniform(-1, 1, [32, 1])", target: 3 * x + 1}
model:
  inputs: {x: "f32[32, 1]"}
  nodes:
    y: {Linear: x, out_features: 1}
  outputs: [y]
train:
  data: points
  loss: mse_loss(y, target)
  metrics: {m: loss}
  early_stop: {metric: m, patience: 5, min_delta: ` + delta + `}
  max_steps: ` + steps + `
  optimizer:
    SGD:
      lr: ` + lr + "\n"
}

// asInt is the int that a key takes a value for; ok is false if it refuses it.
func asInt(v any) (i int64, ok bool) {
	switch v := v.(type) {
	case int:
		return int64(v), true
	case float64:
		return int64(v), v == math.Trunc(v) && v >= -(1<<63) && v < 1<<63
	}
	return 0, false
}

func decoded(t *testing.T, text string, o Options) (*syntax.Spec, diag.List) {
	t.Helper()
	var list diag.List
	def := syntax.Decode("a.yaml", []byte(text), o, &list)
	require.NotNil(t, def, list.Text())
	return def, list
}

// same compares values, NaN and the sign of zero too.
func same(t *testing.T, want, got any, text string) {
	t.Helper()
	if _, isBad := got.(syntax.Bad); isBad {
		got = nil
	}
	require.Equal(t, fmt.Sprintf("%T %v", want, want), fmt.Sprintf("%T %v", got, got), text)
}

// One text, one number: in a key, a var, --set, --vars, an expression, and for
// --seed.
func TestNumbersAreParsedAsYAML12Everywhere(t *testing.T) {
	vars := filepath.Join(t.TempDir(), "vars.yaml")
	for text, want := range numberTexts {
		def, list := decoded(t, numberSpec("1", "1", "0", text, "0"), Options{})
		same(t, want, def.Vars[0].Value, "var: "+text)
		require.Equal(t, want == nil, list.HasErrors(), "%s: %s", text, list.Text())
		def, list = decoded(t, numberSpec("1", "1", "0", "0", text), Options{})
		call := def.Train.Updates[0].Optimizer
		if _, isText := want.(string); !isText && want != nil { // else an expression of its own
			require.NotNil(t, call, list.Text())
			same(t, want, call.Named[0].Value.(*expr.Literal).Value, "expression: "+text)
		}

		for _, base := range []string{"0.5", "3", "text"} { // an override keeps the kind
			def, list = decoded(t, numberSpec("1", "1", "0", base, "0"), Options{Set: []Setting{{Key: "v", Value: text}}})
			set := def.Vars[0].Value
			require.NoError(t, os.WriteFile(vars, []byte("v: "+text+"\n"), 0o600))
			def, fromFile := decoded(t, numberSpec("1", "1", "0", base, "0"), Options{VarsFiles: []string{vars}})
			require.Equal(t, fmt.Sprint(set), fmt.Sprint(def.Vars[0].Value), text)
			require.Equal(t, list.HasErrors(), fromFile.HasErrors(), text)
			switch _, isText := want.(string); {
			case isText != (base == "text") || want == nil:
				require.True(t, list.HasErrors(), "%s over %s", text, base)
			case base == "3":
				if i, isInt := asInt(want); isInt {
					want = int(i)
				}
				same(t, want, set, "--set: "+text)
			default:
				same(t, want, set, "--set: "+text)
			}
		}

		i, isInt := asInt(want)
		def, list = decoded(t, numberSpec(text, "1", "0", "0", "0"), Options{})
		require.Equal(t, isInt, !list.HasErrors(), "seed: %s: %s", text, list.Text())
		require.Equal(t, i*boolean(isInt), def.Seed, text)
		flag, err := ParseInt(text)
		require.Equal(t, isInt, err == nil, "--seed %s: %v", text, err)
		require.Equal(t, def.Seed, flag, "--seed "+text)
		def, list = decoded(t, numberSpec("1", text, "0", "0", "0"), Options{})
		require.Equal(t, isInt && i >= 1, !list.HasErrors(), "max_steps: %s: %s", text, list.Text())
		if isInt {
			require.Equal(t, i, def.Train.Loop.MaxSteps)
		}
		require.Equal(t, readOtherwise[text] != "", len(list.Items) > 0 && list.Items[0].Rule == diag.OctalNumber, text)
		require.Equal(t, readOtherwise[text], tree.LeadingZero(text), text)
	}
}

func boolean(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// numberPlaces are specs with a text in each place that takes a number, and
// whether the decoder takes it there.
func numberPlaces(text string) map[string]string {
	return map[string]string{
		"seed": numberSpec(text, "1", "0", "0", "0"), "max_steps": numberSpec("1", text, "0", "0", "0"),
		"min_delta": numberSpec("1", "1", text, "0", "0"), "var": numberSpec("1", "1", "0", text, "0"),
	}
}

// beyondDoubles are ints that a validator which computes in float64 can't tell from
// the largest and smallest that are allowed.
func beyondDoubles(text string) bool {
	v, err := tree.ParseFloat(text)
	return err == nil && math.Abs(v) == 1<<63 || strings.HasPrefix(text, "0x8000000000000000")
}

// unseenBySchemas reports numbers of which a reader of YAML makes infinity or zero
// before a schema sees them, so that it can't refuse them where it takes those.
func unseenBySchemas(text, place string) bool {
	_, err := tree.ParseFloat(text)
	return place == "var" && strings.ContainsAny(text, "e") && err != nil || err == tree.ErrTooSmall && place == "min_delta" || err == tree.ErrTooSmall && place == "seed"
}

// The schema and the decoder take the same numbers. Here the value is the table's;
// TestOtherYAMLParsersAndTheSchemaSeeTheSameNumbers has one that reads texts.
func TestTheSchemaAcceptsTheSameNumbersAsTheDecoder(t *testing.T) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("flowrun.json", document))
	for place, form := range map[string]string{"seed": "int", "max_steps": "steps", "min_delta": "delta"} {
		schema, err := c.Compile("flowrun.json#/$defs/" + form)
		require.NoError(t, err)
		for text, want := range numberTexts {
			if f, isFloat := want.(float64); want == nil || isFloat && (math.IsInf(f, 0) || math.IsNaN(f)) {
				if want != nil || strings.ContainsAny(text, ".eox") {
					continue // JSON has no such number, or nobody's int is as large
				}
				want = json.Number(text)
			}
			encoded, err := json.Marshal(want)
			require.NoError(t, err)
			value, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
			require.NoError(t, err)
			_, list := decoded(t, numberPlaces(text)[place], Options{})
			require.Equal(t, !list.HasErrors(), schema.Validate(value) == nil, "%s: %s: %s", place, text, list.Text())
		}
	}
}
