package icaltest

// language is the text of events. It is escaped already.
type language struct {
	tag                    string
	titles, places, people []string
	sentence               string
}

var languages = [...]language{
	{
		"en", []string{"Team meeting", "Review of the quarter\\, part two", "Lunch with the visitors", "Doctor"},
		[]string{"Room 4.12\\; second floor", "Main building"},
		[]string{"Doe, Jane", "Richard Roe", "Board: members"},
		"Please bring the figures of last month and read the minutes before.\\nThe room is open from nine. ",
	},
	{
		"de", []string{"Besprechung der Übergabe", "Jahresgespräch", "Müllabfuhr: gelbe Säcke"},
		[]string{"Großer Saal", "Büro Schäfer\\, 3. Stock"},
		[]string{"Müller, Jürgen", "Käthe Groß"},
		"Bitte die Unterlagen für die Prüfung mitbringen.\\nÄnderungen bis Freitag melden. ",
	},
	{
		"fr", []string{"Réunion d’équipe", "Entretien annuel", "Déjeuner à l’extérieur"},
		[]string{"Salle Élysée"},
		[]string{"Lefèvre, Zoé", "François Noël"},
		"Merci d’apporter les chiffres du mois passé et de relire le procès-verbal. ",
	},
	{
		"ja", []string{"週次ミーティング", "健康診断"},
		[]string{"会議室四号"},
		[]string{"山田 太郎", "佐藤 花子"},
		"前回の議事録を読んでから参加してください。",
	},
	{
		"ar", []string{"اجتماع الفريق", "زيارة الطبيب"},
		[]string{"القاعة الكبرى"},
		[]string{"ليلى حسن"},
		"يرجى قراءة محضر الاجتماع السابق. ",
	},
	{
		"el", []string{"Συνάντηση ομάδας 🎉", "Ραντεβού 👩‍⚕️"},
		[]string{"Αίθουσα Α"},
		[]string{"Παπαδόπουλος, Γιώργος"},
		"Φέρτε μαζί σας τα στοιχεία του μήνα. ",
	},
}
