package expr
import ("testing";"fmt";"strings";"github.com/flowrun/flowrun/diag")
func TestZ(t *testing.T){
 for _,s:=range []string{"silu(matmul(x, w1))","a + b*2","-(a+b)*c","f(x, dim=-1, keepdim=true)","f(x, {dim: -1})","betas[0] * m + (1 - betas[0]) * grad","mean(abs(s - t) < 0.5)","a ? b : c","not a < b","not (a < b) and c","a < b < c","a == b == c","f(x // y)","x[1:2]","x.sum()","h1.weight","f(a=1, 2)","a = 3","f(,)","a +","(a","a)","a @ b","let x = 1; x","x | f","1..3","x ^ 2","0123","1x","'abc","f(x)(y)","sum(x, -1, true)","any(x)","len(x)","a in b","not in","{a: 1}","f({a: 1}, 2)","if a {b} else {c}","","  a  + (b) ","((a)) + f((b))","f(x, dim=(1+2))","f(g(x, d=1), e=[2, h(i=3)])","a ** b ** -c","a;b","a ?? b","f(x","#", "a b", "1 2","f(dim=)", "f(1,,2)","a.b.c[0].d", "$x", "f(é, ü + ß)","\"\\x41\" == b", "nil", "x?.y", "x ? : y", "f(x, a==b)", "f(x, (a=b))", "f(dim =\n -1)","-x[0]","!a"}{
  var l diag.List; l.AddSource("e",s)
  runes:=[]rune(s)
  e:=Parse(Source{"e",s,func(i int)diag.Pos{return diag.Pos{1,i+1}}},&l)
  if e!=nil {
   fmt.Printf("%s\n",s)
   Walk(e,func(x Expr)bool{ r:=x.At(); fmt.Printf("    %T %q\n",x,string(runes[r.Start.Col-1:r.End.Col-1])); return true})
  } else { fmt.Print(l.Text()) }
 }
 big:=strings.Repeat("(",16000); var l diag.List
 Parse(Source{"e",big,func(i int)diag.Pos{return diag.Pos{1,i+1}}},&l); fmt.Println(l.Items)
 for _,b:=range []string{strings.Repeat("-",16000)+"a",strings.Repeat("a ? b : ",1500)+"c",strings.Repeat("a**",4000)+"b",strings.Repeat("a+",4000)+"b"}{ var l diag.List
 Parse(Source{"e",b,func(i int)diag.Pos{return diag.Pos{1,i+1}}},&l); for _,d:=range l.Items{fmt.Println(d.Message)} }
}
func BenchmarkParse(b *testing.B){b.ReportAllocs(); for b.Loop(){var l diag.List;Parse(Source{"e","cast(concat([bits_of(a, bits), bits_of(b, bits)], -1), \"f32\")",func(i int)diag.Pos{return diag.Pos{1,i+1}}},&l)}}
