// Follows the commands, carries them out (here: prints them) and acknowledges them. Arguments: BROKERS [TOPIC_PREFIX].
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	control "spendgate/clients/go"
)

func main() {
	options := control.Options{
		Brokers:     strings.Split(os.Args[1], ","),
		Consumer:    "example-go",
		Policy:      control.Closed,
		TopicPrefix: strings.Join(os.Args[2:], ""),
	}
	starting, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	reader, err := control.NewReader(starting, options)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := reader.CatchUp(starting); err != nil {
		log.Fatal(err)
	}
	fmt.Println("caught up")
	log.Fatal(follow(reader, map[string]string{}))
}

func follow(reader *control.Reader, shown map[string]string) error {
	for {
		for _, campaignID := range reader.Campaigns() {
			show(campaignID, reader.MayRun(campaignID), shown)
		}
		changes, err := reader.Poll(context.Background(), 500*time.Millisecond)
		if err != nil {
			return err
		}
		for _, change := range changes {
			show(change.Command.CampaignID, reader.MayRun(change.Command.CampaignID), shown)
			if !change.IsHistory {
				reader.Acknowledge(change.Command)
			}
		}
	}
}

func show(campaignID string, verdict control.Verdict, shown map[string]string) {
	word := "stops"
	if verdict.MayRun {
		word = "runs"
	}
	line := fmt.Sprintf("%s reasons=%v doubts=%v", word, verdict.Reasons, verdict.Doubts)
	if line != shown[campaignID] {
		fmt.Println(campaignID, line)
		shown[campaignID] = line
	}
}
