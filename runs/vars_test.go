package runs

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVarsThatJSONCannotHoldAreStringsAsInYAML(t *testing.T) {
	text, err := json.Marshal(Vars{"a": math.NaN(), "b": []any{math.Inf(1), []any{math.Inf(-1), int64(1) << 60}}, "c": "x", "d": true, "e": 0.1})
	require.NoError(t, err)
	require.Equal(t, `{"a":".nan","b":[".inf",["-.inf",1152921504606846976]],"c":"x","d":true,"e":0.1}`, string(text))
	text, err = json.Marshal(Vars(nil))
	require.NoError(t, err)
	require.Equal(t, `{}`, string(text), "a spec without vars has an empty object")
}
