// Answers what Kubernetes would: for each line of stdin, made of a time zone, an instant in Unix
// seconds, a count and a schedule with tabs between them, one line: `refused`, or the next runs in
// Unix seconds; `-` stands for no run within five years.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata"

	"github.com/robfig/cron/v3"
)

func main() {
	in, out := bufio.NewScanner(os.Stdin), bufio.NewWriter(os.Stdout)
	for in.Scan() {
		fmt.Fprintln(out, answer(strings.SplitN(in.Text(), "\t", 4)))
	}
	if err := in.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := out.Flush(); err != nil {
		os.Exit(1)
	}
}

func answer(line []string) string {
	zone, schedule := line[0], line[3]
	if _, err := cron.ParseStandard(schedule); err != nil {
		return "refused"
	}
	// As the CronJob controller hands the zone over.
	parsed, err := cron.ParseStandard("TZ=" + zone + " " + schedule)
	if err != nil {
		return "zone: " + err.Error()
	}
	start, _ := strconv.ParseInt(line[1], 10, 64)
	count, _ := strconv.Atoi(line[2])
	at, runs := time.Unix(start, 0).UTC(), []string{}
	for range count {
		at = parsed.Next(at)
		if at.IsZero() {
			runs = append(runs, "-")
			break
		}
		runs = append(runs, strconv.FormatInt(at.Unix(), 10))
	}
	return strings.Join(runs, " ")
}
