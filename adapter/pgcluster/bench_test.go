package pgcluster

import (
	"testing"
	"time"
)

// BenchmarkWorld makes and runs a world of three regions: for each a catalog
// primary with a standby in both others, and a resident primary: six
// primaries and six standbys. Run it with -benchtime=1x.
func BenchmarkWorld(b *testing.B) {
	regions := []string{"us-east", "eu-central", "ap-southeast"}
	for b.Loop() {
		p := newPlace(b)
		var specs []Spec
		port := 5500
		next := func() int { port++; return port }
		for _, home := range regions {
			catalog := p.primary("catalog-"+home, next())
			resident := p.primary("resident-"+home, next())
			resident.Resident, resident.Database = true, "resident"
			specs = append(specs, catalog, resident)
			for _, other := range regions {
				if other != home {
					specs = append(specs, p.standby(catalog, catalog.Name+"@"+other, next()))
				}
			}
		}
		s := p.supervisor(b, Options{})
		steps := []struct {
			name string
			run  func() error
		}{
			{"make", func() error { return s.Prepare(b.Context(), specs, nil) }},
			{"first-start", func() error { return s.Start(b.Context(), specs, nil) }},
			{"stop", func() error { return s.Stop(b.Context()) }},
			{"warm-start", func() error {
				if err := s.Prepare(b.Context(), specs, nil); err != nil {
					return err
				}
				return s.Start(b.Context(), specs, nil)
			}},
			{"warm-stop", func() error { return s.Stop(b.Context()) }},
		}
		for _, step := range steps {
			began := time.Now()
			if err := step.run(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(time.Since(began).Milliseconds()), step.name+"-ms")
		}
	}
}
