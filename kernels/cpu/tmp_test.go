package cpu
import ("testing";"math";"fmt";"unsafe")
func bytesOf[T any](s []T) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(*new(T)))) }
func TestExp(t *testing.T){ worst:=0.0; for x:=-110.0;x<95;x+=0.00037{ f:=float32(x); e:=math.Exp(float64(f)); g:=exp32(float64(f)); worst=max(worst,math.Abs(g-e)/e)}; fmt.Println(worst); fmt.Println(exp32(-math.MaxFloat64), exp32(math.Inf(1)),exp32(math.NaN()), exp32(0)) }
func BenchmarkMM(b *testing.B){ for _,s:=range [][3]int{{1,16,8},{1,16,16},{1,5,16},{16,16,1},{16,16,16},{32,32,32},{64,64,64},{256,256,256},{512,512,512}}{ for _,tr:=range [][2]bool{{false,false},{false,true},{true,false}}{
 m,n,k:=s[0],s[1],s[2]
 x:=make([]float32,m*k);y:=make([]float32,k*n);o:=make([]float32,m*n)
 as:=[]int{m,k}; if tr[0]{as=[]int{k,m}}; bs:=[]int{k,n}; if tr[1]{bs=[]int{n,k}}
 f,err:=Lookup("matmul")(Args{Inputs:[]Buffer{{bytesOf(x),"f32",as},{bytesOf(y),"f32",bs}},Output:Buffer{bytesOf(o),"f32",[]int{m,n}},Scalars:[]any{tr[0],tr[1]}})
 if err!=nil{b.Fatal(err)}
 b.Run(fmt.Sprint(s,tr),func(b *testing.B){ for b.Loop(){f()}; b.ReportMetric(2*float64(m*n*k)*float64(b.N)/b.Elapsed().Seconds()/1e9,"GF")})
}}}
func BenchmarkUn(b *testing.B){ for _,op:=range []string{"exp","silu","sigmoid","tanh","log","neg"}{ for _,n:=range []int{1,16,4096}{ x:=make([]float32,n); for i:=range x{x[i]=float32(i%40)*.1+.1}; o:=make([]float32,n); f,err:=Lookup(op)(Args{Inputs:[]Buffer{{bytesOf(x),"f32",[]int{n}}},Output:Buffer{bytesOf(o),"f32",[]int{n}}}); if err!=nil{b.Fatal(err)}
 b.Run(fmt.Sprint(op,n),func(b *testing.B){for b.Loop(){f()}})}}}
