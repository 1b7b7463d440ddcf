package owner

import (
	"net/http"

	"meridian/engine/catalog"
	"meridian/platform/openapi"
	"meridian/world"
)

func (o *Owner) addBulk(a *openapi.API) {
	operate(a, WriteProducts, openapi.Operation{Method: http.MethodPost, Path: "/bulk", ID: "changeMany", Tag: "prices",
		Summary:     "Change many prices, or when many products are published",
		Description: "Ask with `dry_run` first: the answer is exactly what would change, with the plan's ETag. Then ask for the same without it, the plan in If-Match: all of it is done, or nothing when by then it would be anything else (412).",
		Sent:        exampleBulk, Given: examplePlan, Errors: conditional(world.CodeConflict, world.CodeUnprocessed, world.CodeTooLarge)}, o.apiBulk)
}

func (o *Owner) apiBulk(v *visit, in *struct {
	Matching
	Body catalog.Bulk
}) (*answer[catalog.Plan], error) {
	plan, err := o.bulk(v, in.Body, in.IfMatch)
	if err != nil {
		return nil, err
	}
	return &answer[catalog.Plan]{quoted(plan.Tag()), plan}, nil
}

// bulk plans a change of many, or carries out the one that the condition names.
func (o *Owner) bulk(v *visit, b catalog.Bulk, condition string) (catalog.Plan, error) {
	const op = "owner.bulk"
	r, now := o.rules(v), o.deps.Now()
	if err := r.CheckBulk(b); err != nil {
		return catalog.Plan{}, err
	}
	plan, err := o.deps.Editing.PlanBulk(v.r.Context(), r, b, now)
	if err != nil || b.DryRun {
		return plan, world.Wrap(op, err)
	}
	tag := plan.Tag()
	if condition == "*" { // nobody has seen what that would do
		condition = `"*"`
	}
	if err := v.match(condition, tag); err != nil {
		return catalog.Plan{}, err
	}
	done, err := o.deps.Editing.DoBulk(v.r.Context(), r, b, tag, now)
	if world.Is(err, world.CodeConflict) && done.Tag() != tag { // somebody was faster
		return catalog.Plan{}, v.match(condition, done.Tag())
	}
	return done, world.Wrap(op, err)
}
