"""The 80 objects of COCO, with the English words by which captions name them.

Words are singular; data.objects.vocabulary makes their plurals. A word is here if an annotator of
COCO would have marked what it names as that object.
"""

# Words with more meanings than the object are missing: glass, screen, computer, watch, pitcher,
# couple, club. They would count objects that a caption does not name.
COCO_WORDS = {
    "person": """
        person, people, man, woman, boy, girl, child, kid, baby, toddler, infant, newborn, teen,
        teenager, youngster, youth, adult, guy, gentleman, lady, dude, human, individual,
        pedestrian, bystander, onlooker, spectator, passerby, crowd, audience, friend, mother,
        father, mom, mum, dad, parent, son, daughter, brother, sister, grandmother, grandfather,
        grandma, grandpa, husband, wife, bride, groom, bridesmaid, player, athlete, batter,
        catcher, umpire, referee, goalie, skier, snowboarder, skateboarder, skater, surfer,
        swimmer, diver, runner, jogger, hiker, climber, camper, rider, biker, cyclist,
        bicyclist, motorcyclist, jockey, cowboy, cowgirl, passenger, commuter, driver, pilot,
        sailor, fisherman, officer, policeman, policewoman, cop, soldier, fireman, firefighter,
        worker, employee, farmer, chef, baker, waiter, waitress, bartender, vendor, shopper,
        customer, tourist, traveler, student, teacher, doctor, dentist, businessman,
        businesswoman, musician, guitarist, singer, dancer, performer, clown, photographer""",
    "bicycle": "bicycle, bike, tricycle, mountain bike, bmx bike",
    "car": """
        car, automobile, suv, sedan, hatchback, limousine, limo, van, minivan, jeep, taxi, cab,
        taxi cab, taxicab, police car, race car, sports car, station wagon""",
    "motorcycle": """
        motorcycle, motor cycle, motorbike, motor bike, dirt bike, moped, scooter, motor
        scooter, vespa""",
    "airplane": """
        airplane, air plane, aeroplane, plane, aircraft, airliner, jetliner, jet, jet plane,
        fighter jet, jumbo jet, biplane, seaplane, propeller plane, jet airplane""",
    "bus": "bus, minibus, school bus, tour bus, city bus, double decker bus, double decker",
    "train": """
        train, locomotive, tram, streetcar, street car, subway train, commuter train, train car,
        train engine, steam engine, rail car, railcar""",
    "truck": """
        truck, pickup, pickup truck, pick up truck, lorry, fire truck, firetruck, fire engine,
        tow truck, dump truck, garbage truck, food truck, delivery truck, semi truck, tractor
        trailer""",
    "boat": """
        boat, ship, canoe, kayak, sailboat, sail boat, rowboat, row boat, motorboat, motor boat,
        speedboat, speed boat, fishing boat, ferry, ferry boat, yacht, gondola, dinghy, barge,
        cruise ship""",
    "traffic light": """
        traffic light, traffic signal, traffic lamp, stoplight, stop light""",
    "fire hydrant": "fire hydrant, hydrant, fire plug",
    "stop sign": "stop sign, stopsign",
    "parking meter": "parking meter",
    "bench": "bench, park bench",
    "bird": """
        bird, pigeon, dove, seagull, sea gull, gull, duck, duckling, goose, swan, parrot,
        parakeet, cockatoo, owl, eagle, hawk, falcon, vulture, crow, raven, sparrow, robin,
        finch, woodpecker, hummingbird, rooster, hen, ostrich, flamingo, pelican, peacock,
        penguin, heron, egret, stork""",
    "cat": "cat, kitten, kitty, tabby, feline, house cat, tabby cat",
    "dog": """
        dog, puppy, pup, doggy, hound, canine, poodle, terrier, retriever, labrador, bulldog,
        dachshund, collie, husky, beagle, chihuahua, pug, corgi, spaniel, rottweiler, dalmatian,
        greyhound, sheepdog, german shepherd, puppy dog""",
    "horse": "horse, pony, foal, colt, mare, stallion",
    "sheep": "sheep, lamb, ewe",
    "cow": "cow, cattle, calf, bull, ox, heifer",
    "elephant": "elephant",
    "bear": "bear, polar bear, brown bear, black bear, grizzly bear, grizzly, panda, panda bear",
    "zebra": "zebra",
    "giraffe": "giraffe",
    "backpack": "backpack, back pack, rucksack, knapsack, book bag",
    "umbrella": "umbrella, parasol",
    "handbag": "handbag, hand bag, purse, tote bag, shoulder bag",
    "tie": "tie, necktie, neck tie, bow tie, bowtie",
    "suitcase": "suitcase, suit case, luggage, briefcase, brief case",
    "frisbee": "frisbee, frisbie, flying disc, flying disk",
    "skis": "skis, snow ski, pair of skis",
    "snowboard": "snowboard, snow board",
    "sports ball": """
        sports ball, ball, tennis ball, soccer ball, beach ball, soccerball, golf ball, bowling
        ball""",
    "kite": "kite",
    "baseball bat": "baseball bat, bat",
    "baseball glove": "baseball glove, baseball mitt, catcher's mitt, mitt",
    "skateboard": "skateboard, skate board, longboard",
    "surfboard": "surfboard, surf board, boogie board, body board, paddle board, paddleboard",
    "tennis racket": "tennis racket, tennis racquet, racket, racquet",
    "bottle": "bottle, wine bottle, beer bottle, water bottle",
    "wine glass": "wine glass, wineglass, glass of wine, champagne glass, champagne flute, goblet",
    "cup": "cup, mug, teacup, tea cup, coffee cup, coffee mug, paper cup, cup of coffee",
    "fork": "fork",
    "knife": "knife, butter knife",
    "spoon": "spoon, tablespoon, teaspoon",
    "bowl": "bowl",
    "banana": "banana",
    "apple": "apple",
    "sandwich": "sandwich, burger, hamburger, cheeseburger, panini, hoagie",
    "orange": "orange",
    "broccoli": "broccoli",
    "carrot": "carrot",
    "hot dog": "hot dog, hotdog, chili dog",
    "pizza": "pizza",
    "donut": "donut, doughnut",
    "cake": "cake, cupcake, cup cake, birthday cake, wedding cake, carrot cake, cheesecake",
    "chair": """
        chair, armchair, arm chair, stool, highchair, high chair, rocking chair, office chair,
        lawn chair, deck chair, desk chair""",
    "couch": "couch, sofa, loveseat, love seat, futon, settee",
    "potted plant": """
        potted plant, houseplant, house plant, potted flower, potted tree, flower pot, flowerpot""",
    "bed": "bed, bunk bed, bunkbed",
    "dining table": """
        dining table, table, kitchen table, dinner table, dining room table, coffee table,
        picnic table, desk""",
    "toilet": "toilet, urinal, commode, toilet seat, toilet bowl, potty",
    "tv": """
        tv, television, tv set, television set, flat screen tv, flat screen, flatscreen,
        monitor, computer monitor, computer screen, tv screen""",
    "laptop": "laptop, laptop computer, notebook computer, netbook, macbook",
    "mouse": "mouse, computer mouse",
    "remote": """
        remote, remote control, remote controller, tv remote, game controller, wii remote,
        wiimote, wii controller""",
    "keyboard": "keyboard, computer keyboard",
    "cell phone": """
        cell phone, cellphone, mobile phone, cellular phone, phone, smartphone, smart phone,
        iphone""",
    "microwave": "microwave, microwave oven",
    "oven": "oven, stove, stovetop, stove top, stove top oven, toaster oven",
    "toaster": "toaster",
    "sink": "sink, washbasin, wash basin",
    "refrigerator": "refrigerator, fridge, freezer, refrigerator freezer",
    "book": "book, textbook, cookbook, comic book, notebook",
    "clock": "clock, alarm clock, clock tower, grandfather clock",
    "vase": "vase",
    "scissors": "scissors, scissor, pair of scissors",
    "teddy bear": "teddy bear, teddybear, teddy, stuffed bear, toy bear",
    "hair drier": "hair drier, hairdrier, hair dryer, hairdryer, blow dryer, blow drier",
    "toothbrush": "toothbrush, tooth brush",
}

# Phrases that contain such a word, but name none of the objects.
OTHER_PHRASES = """
    home plate, train track, train station, train platform, railroad track, bus stop, bus station,
    bus shelter, bike rack, bike lane, bike path, car seat, cable car, car park, boat house, toilet
    paper, toilet brush, toilet tissue, book shelf, book case, table cloth, table tennis, pool
    table, bed spread, bed room, bed of flowers, flower bed, truck bed, bed of lettuce, cat food,
    dog food, dog house, corn dog, bird house, bird feeder, bird cage, rocking horse, carousel
    horse, horse shoe, apple computer, apple laptop, apple juice, orange juice, phone booth, phone
    pole, telephone pole, chair lift, oven mitt, oven rack, sink hole, kite string, kite surfing,
    ball park, ball cap, ball field, ball game, bottle cap, bowl cut, world cup, tie dye, fork lift,
    cow boy, bull dozer, bear claw, tv stand, tv show, jet ski, record player, cd player, dvd
    player, table runner, remote area, remote location, remote beach, banana bread, banana split,
    apple pie, apple sauce, book store, clock radio, pizza box, pizza oven, pizza cutter, cake pan,
    cake stand, knife block, umbrella stand, ski lift, ski slope, ski pole, ski resort, ski lodge
"""

ANIMALS = ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe")
