package foreign_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/foreign"
)

func TestEveryLookalikeIsMeantAsASCII(t *testing.T) {
	known := 0
	for r := rune(0x80); r < 0x1FFFF; r++ {
		meant, ok := foreign.Meant(r)
		if !ok {
			continue
		}
		known++
		for _, c := range meant {
			require.Less(t, c, rune(0x80), "U+%04X", r)
		}
		described := foreign.Describe(r)
		require.Contains(t, described, "U+")
		if unicode.IsLetter(r) && len(meant) == 1 && r > 0x17f || meant == "" || meant == " " {
			require.NotContains(t, described, string(r), "it would show as what it looks like")
		}
	}
	require.Greater(t, known, 400)
	for r := rune(0); r < 0x80; r++ {
		_, ok := foreign.Meant(r)
		require.False(t, ok, "%q is ASCII", r)
	}
	for r := '０'; r <= '９'; r++ {
		meant, _ := foreign.Meant(r)
		require.Equal(t, string('0'+r-'０'), meant)
	}
	require.Equal(t, "42", foreign.Straight("٤٢"), "digits of other scripts are digits")
}

func TestStraightReplacesLookalikes(t *testing.T) {
	for text, want := range map[string]string{
		"silu（h）":      "silu(h)",
		"x – 1":        "x - 1",
		"“a”":          `"a"`,
		"x\u00a0+ 1":   "x + 1",
		"a\u200bb":     "ab",
		"lr：０.１":       "lr:0.1",
		"ѕіlu":         "silu",
		"α * h":        "alpha * h",
		"größe":        "groesse",
		"x ≤ 1":        "x <= 1",
		"plain, text.": "plain, text.",
	} {
		require.Equal(t, want, foreign.Straight(text))
		require.Equal(t, want, foreign.Straight(want), "what is straight stays so")
	}
}

func TestOnlyPlaceholdersAreFound(t *testing.T) {
	for text, want := range map[string]foreign.Placeholder{
		"${lr}": {0, 5, "${lr}", "lr", false}, "${{ lr }}": {0, 9, "${{ lr }}", "lr", false}, "{{ lr }}": {0, 8, "{{ lr }}", "lr", false},
		"a * $lr": {4, 7, "$lr", "lr", false}, "$(lr)": {0, 5, "$(lr)", "lr", false}, "%(lr)s": {0, 6, "%(lr)s", "lr", false},
		"${vars.lr}": {0, 10, "${vars.lr}", "lr", false}, "${lr:-0.1}": {0, 10, "${lr:-0.1}", "lr", false}, "{{ lr | default(1) }}": {0, 21, "{{ lr | default(1) }}", "lr", false},
		"${env:LR}": {0, 9, "${env:LR}", "LR", true}, "${oc.env:LR,1}": {0, 14, "${oc.env:LR,1}", "LR", true}, "${{ secrets.KEY }}": {0, 18, "${{ secrets.KEY }}", "KEY", true},
		"${{ env.LR }}": {0, 13, "${{ env.LR }}", "LR", true}, "<%= lr %>": {0, 9, "<%= lr %>", "lr", false}, "#{lr}": {0, 5, "#{lr}", "lr", false}, "%{lr}": {0, 5, "%{lr}", "lr", false},
		"{lr}": {0, 4, "{lr}", "lr", false}, "<lr>": {0, 4, "<lr>", "lr", false}, "@lr": {0, 3, "@lr", "lr", false}, "%lr%": {0, 4, "%lr%", "lr", false}, "${1 + 2}": {0, 8, "${1 + 2}", "", false},
	} {
		found, ok := foreign.FindPlaceholder(text)
		require.True(t, ok, text)
		require.Equal(t, want, found, text)
	}
	for _, text := range []string{"a < b", "a % b", "a %b% c", "f(x, {dim: 1})", "a @ b", "x # y", "", "a < b and c > d", "{a: 1}"} {
		_, ok := foreign.FindPlaceholder(text)
		require.False(t, ok, text)
	}
	filled, ok := foreign.Filled("f(${a}) * {{ b }} + $c")
	require.True(t, ok)
	require.Equal(t, "f(a) * b + c", filled)
}

func TestFilesAreRecognizedByFirstBytesAndExtension(t *testing.T) {
	for _, text := range []string{"flowrun: 1\n", "# a spec", "", "a", "ab", "é: 1"} {
		_, ok := foreign.Recognize([]byte(text))
		require.False(t, ok, text)
	}
	for name, format := range map[string]string{"a/model.pt": "PyTorch", "X.NPZ": "NumPy", "w.safetensors": "", "w": "", "a.pt/w": ""} {
		require.Equal(t, format, foreign.Format(name))
	}
}

func TestNamesAreFoundInAnySpelling(t *testing.T) {
	for name, want := range map[string]string{"cat": "concat", "Dense": "Linear", "MeanSquaredError": "mse_loss", "mean_squared_error": "mse_loss", "SparseCategoricalCrossentropy": "cross_entropy",
		"sparse_categorical_crossentropy": "cross_entropy", "Conv2D": "Conv2d", "HARDTANH": "hardtanh", "HEAVISIDE": `write cast(x > 0, "f32")`} {
		here, ok := foreign.Function(name)
		require.True(t, ok, name)
		require.Equal(t, want, here, name)
	}
	for name, here := range foreign.Functions() {
		require.NotEmpty(t, here, name)
		require.Equal(t, strings.TrimSpace(here), here)
	}
}
