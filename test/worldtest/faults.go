package worldtest

import (
	"encoding/json"
	"fmt"
	"net/http"

	"meridian/app/localworld"
)

// Link is a directed link between two places, as the world's API has it.
type Link struct {
	From    string  `json:"from"`
	To      string  `json:"to"`
	DelayMS float64 `json:"delay_ms"`
	State   string  `json:"state"`
}

// Links are all links of the world.
func (c *Client) Links() ([]Link, error) {
	var all struct{ Links []Link }
	return all.Links, c.decode("/links", &all)
}

// SetLink gives a link a delay and a state: up, refuse or blackhole.
func (c *Client) SetLink(l Link) error {
	body, err := json.Marshal(map[string]any{"delay_ms": l.DelayMS, "state": l.State})
	if err != nil {
		return err
	}
	return c.order(http.MethodPatch, "/links/"+l.From+"/"+l.To, body)
}

// Parts are the role instances and database servers of the world.
func (c *Client) Parts() ([]localworld.Part, error) {
	var all struct{ Parts []localworld.Part }
	return all.Parts, c.decode("/parts", &all)
}

// KillPart is kill -9 of a part, which stays dead.
func (c *Client) KillPart(name string) error {
	return c.order(http.MethodPost, "/parts/"+name+"/kill", nil)
}

// StartPart starts a part that was killed, and returns when it is ready.
func (c *Client) StartPart(name string) error {
	return c.order(http.MethodPost, "/parts/"+name+"/start", nil)
}

func (c *Client) order(method, path string, body []byte) error {
	a, err := c.Do(method, path, body, "Content-Type", "application/json")
	if err == nil {
		err = a.Problem()
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

func (c *Client) decode(path string, into any) error {
	a, err := c.Do(http.MethodGet, path, nil)
	if err == nil {
		err = a.Problem()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return json.Unmarshal(a.Body, into)
}
