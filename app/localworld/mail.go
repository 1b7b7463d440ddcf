package localworld

import (
	"context"
	"time"

	"meridian/app/mailbox"
	"meridian/platform/lifecycle"
)

// startMail opens a mailbox for each region: what a shop sends to its buyers
// stays in its zone.
func (u *up) startMail(ctx context.Context) (lifecycle.Running, error) {
	var regions []mailbox.Region
	for _, r := range u.plan.w.Regions {
		regions = append(regions, mailbox.Region{ID: r.ID, Name: r.Name, Address: u.plan.mailServer(r.ID)})
	}
	var err error
	if u.post, err = mailbox.Start(ctx, regions, time.Now, u.root.Log.With("part", "mail")); err != nil {
		return nil, err
	}
	return newPart(func(context.Context) error { return u.post.Close() }), nil
}

// mailServer is where a region's shop hands its letters over.
func (p *plan) mailServer(region string) string { return p.socket("smtp-" + region) }
