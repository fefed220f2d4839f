package spec

import (
	"fmt"
	"github.com/flowrun/flowrun/ir"
	"os"
	"testing"
)

func TestZ(t *testing.T) {
	p, l := Load(os.Getenv("SPEC"), Options{})
	fmt.Print(l.Text())
	if p == nil {
		t.Fatal()
	}
	for _, g := range []*ir.Graph{p.Train, p.Eval, p.Init} {
		if g == nil {
			continue
		}
		fmt.Println(ir.Verify(g, true))
		for _, n := range g.Nodes {
			var in []int
			for _, i := range n.Inputs {
				in = append(in, i.ID)
			}
			fmt.Println(n.ID, n.Op.Name, in, n.Attrs, n.Type, n.Name, n.Origin)
		}
		for _, s := range g.States {
			x := -1
			if s.Next != nil {
				x = s.Next.ID
			}
			fmt.Println("  state", s.Name, s.Kind, s.Type, s.Read.ID, x)
		}
		for _, o := range g.Outputs {
			fmt.Println("  out", o.Name, o.Node.ID)
		}
	}
	fmt.Printf("%+v %+v\n", p.Loop, p.Placement)
}
func BenchmarkParse(b *testing.B) {
	src, _ := os.ReadFile("../graphs/math_net.yaml")
	b.ReportAllocs()
	for b.Loop() {
		Parse("m.yaml", src, Options{})
	}
}
func TestRender(t *testing.T){ src,_:=os.ReadFile("../graphs/math_net.yaml"); seed:=int64(9)
 out,l:=Render("../graphs/math_net.yaml",src,Options{Seed:&seed,Set:[]Setting{{"lr","0.05"}}}); fmt.Println(l.Text(),out)
 for _,s:=range []string{"flowrun: 1\nmodel: {nodes: {a: \"zeros([2])\"}, outputs: [a]}","flowrun: 1\r\nmodel:\r\n  nodes:\r\n    a: zeros([2]) # x\r\n  outputs: [a]\r\n# end\r\n", "{flowrun: 1, model: {nodes: {a: \"zeros([2])\"}, outputs: [a]}}","flowrun: 1\nname: a b\nmodel:\n  nodes:\n    a: >-\n      zeros([2])\n  outputs: [a]\nplacement: {rules: []}\n"}{
 o,l:=Render("x y.yaml",[]byte(s),Options{}); fmt.Printf("%s%s\n----\n",l.Text(),o); o2,_:=Render("x y.yaml",[]byte(o),Options{}); fmt.Println(o==o2) }
}
