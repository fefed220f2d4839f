package e2e_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/docs/rules"
)

// withoutExample are the rules that no text of reasonable size violates.
var withoutExample = []diag.Rule{diag.Unreadable, diag.TooLarge, diag.TooManyProblems, diag.InvalidText, diag.NoKernel}

func TestLintRulesAndPagesCorrespond(t *testing.T) {
	pages := map[string]bool{}
	files, err := os.ReadDir("../../docs/rules")
	require.NoError(t, err)
	for _, f := range files {
		if name, ok := strings.CutSuffix(f.Name(), ".md"); ok {
			pages[name] = true
			require.NotEmpty(t, diag.Rule(name).Doc(), "%s is the page of no rule", f.Name())
		}
	}
	for _, r := range diag.Rules() {
		require.True(t, pages[string(r)], "the rule %s has no page", r)
	}
	require.Empty(t, rules.Page("nonsense"))
}

func TestARulePageBeginsWithTheDocOfItsRow(t *testing.T) {
	for _, r := range diag.Rules() {
		severity := "Error"
		if r.Severity() == diag.Warning {
			severity = "Warning"
		}
		head := "# " + string(r) + "\n\n**" + severity + ":** " + r.Doc() + ".\n\n"
		require.True(t, strings.HasPrefix(rules.Page(string(r)), head), "%s.md must begin with\n%s", r, head)
	}
}

// An example: ```yaml wrong --set width=3 --data --on cpu
var example = regexp.MustCompile("(?sm)^```yaml (wrong|right)((?: --set \\S+=\\S+| --data| --on \\S+)*)\n(.*?)^```$")

func TestWrongExamplesBreakOnlyTheirRuleAndRightOnesNone(t *testing.T) {
	for _, r := range diag.Rules() {
		t.Run(string(r), func(t *testing.T) {
			seen := map[string]bool{}
			for _, m := range example.FindAllStringSubmatch(rules.Page(string(r)), -1) {
				kind, flags, text := m[1], m[2], m[3]
				seen[kind] = true
				var options []flowrun.LoadOption
				for _, f := range strings.Split(flags, " --")[1:] {
					flag, argument, _ := strings.Cut(f, " ")
					switch flag {
					case "set":
						name, value, _ := strings.Cut(argument, "=")
						options = append(options, flowrun.With(name, value))
					case "data":
						options = append(options, flowrun.WithFiles())
					case "on":
						options = append(options, flowrun.WithDevice(argument))
					}
				}
				list := flowrun.CheckText("example.yaml", []byte(text), options...)
				if kind == "right" {
					require.Empty(t, list.Items, list.Text())
					continue
				}
				require.NotEmpty(t, list.Items, "the wrong example is valid")
				for _, d := range list.Items {
					require.Equal(t, r, d.Rule, list.Text())
				}
			}
			for _, without := range withoutExample {
				if r == without {
					require.Empty(t, seen)
					return
				}
			}
			require.True(t, seen["wrong"] && seen["right"], "the page needs a wrong and a right example")
		})
	}
}
