package kernels_test
import ("testing";"os";"time";"strings";"github.com/flowrun/flowrun/device/opencl")
func TestZZ(t *testing.T){
 ds,missing:=opencl.Discover(); t.Log(ds,missing)
 d,err:=opencl.Open(0,opencl.Options{}); if err!=nil{t.Fatal(err)}
 defer d.Close()
 only:=strings.Fields(os.Getenv("ONLY"))
 for _,k:=range load(t).Kernels(){
  ok:=len(only)==0
  for _,o:=range only{ok=ok||o==k.Name}
  if !ok{continue}
  for _,op:=range k.Ops{ t.Run(k.Name,func(t *testing.T){t0:=time.Now();conform(t,d,k,op);t.Log(k.Name,time.Since(t0))})}
 }
}
