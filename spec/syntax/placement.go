package syntax

import (
	"regexp"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

func (d *decoder) placement(n *tree.Node) ir.Placement {
	p := ir.Placement{Default: "auto"}
	if n == nil {
		return p
	}
	fields, ok := d.fields(n, PlacementSection)
	if !ok {
		return p
	}
	if f := fields["default"]; f != nil {
		if text, ok := d.text(f, "default"); ok && (text == "auto" || d.checkDevice(f, text)) {
			p.Default = text
		}
	}
	for _, item := range d.rules(fields["rules"], "rules", "placement rules", "start each rule with `-`") {
		decl, ok := d.fields(item, ruleSection)
		if !ok || decl["match"] == nil {
			continue
		}
		r := ir.PlacementRule{Origin: decl["match"].Range}
		r.Match, _ = d.text(decl["match"], "match")
		r.Device = d.device(decl["device"])
		r.Prefer = d.device(decl["prefer"])
		if (decl["device"] == nil) == (decl["prefer"] == nil) {
			d.report(diag.InvalidValue, keyRange(item), "use device to require a device, prefer to request one", "a placement rule must have either device or prefer")
			continue
		}
		p.Rules = append(p.Rules, r)
	}
	return p
}

// rules gives the items of a list of patterns.
func (d *decoder) rules(n *tree.Node, key, what, help string) []*tree.Node {
	if !d.is(n, tree.List, help, key+" must be a list") {
		return nil
	}
	if len(n.Items) > maxRules {
		d.report(diag.TooLarge, n.Range, "use patterns that match several names", "too many %[2]s: %[1]d, the limit is %[3]d", len(n.Items), what, maxRules)
		return nil
	}
	return n.Items
}

// maxRules bounds a list of patterns: each is tried on every node or parameter.
const maxRules = 1000

// DeviceKinds are the kinds of devices that specs may name: those of the drivers in
// device/registry, as a test there makes sure.
var DeviceKinds = []string{"cpu", "sim", "cuda", "metal", "opencl"}

var (
	deviceNames = regexp.MustCompile(`^(` + strings.Join(DeviceKinds, "|") + `)(:[0-9]{1,3})?$`)
	deviceHelp  = "a device is " + strings.Join(DeviceKinds[:len(DeviceKinds)-1], ", ") + " or " + DeviceKinds[len(DeviceKinds)-1] + `, with a number if there are several: "cuda:0"`
)

func (d *decoder) device(n *tree.Node) string {
	text, ok := d.text(n, "device")
	if !ok || !d.checkDevice(n, text) {
		return ""
	}
	return text
}

func (d *decoder) checkDevice(n *tree.Node, text string) bool {
	if deviceNames.MatchString(text) {
		return true
	}
	kind, _, _ := strings.Cut(text, ":")
	help := d.list.Suggestion(kind, append(slices.Clone(DeviceKinds), "auto"))
	if number := strings.TrimLeft(kind, "abcdefghijklmnopqrstuvwxyz"); deviceNames.MatchString(strings.TrimSuffix(kind, number) + ":" + number) {
		help = "write " + strings.TrimSuffix(kind, number) + ":" + number
	}
	if help == "" || kind == "gpu" {
		help = deviceHelp
	}
	d.report(diag.InvalidValue, n.Range, help, "unknown device `%s`", diag.Cut(text))
	return false
}
